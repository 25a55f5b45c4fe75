"""What can go wrong between us and a Grafana."""


class GrafanaError(Exception):
    """Grafana did not do what it was asked; the message says why, what to do, and never a token."""
