"""What the door decides about a request, without a network: what it carries, who speaks, what is taken."""
