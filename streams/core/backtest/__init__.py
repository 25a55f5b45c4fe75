"""What the rule would have paged in weeks that are over, at this budget of false pages and at others."""
