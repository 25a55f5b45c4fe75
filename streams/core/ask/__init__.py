"""Questions: a metric over windows and parts becomes SQL, its rows figures, and figures a report."""
