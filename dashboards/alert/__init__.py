"""Alert rules as code: what pages and what warns, rendered to what Grafana's provisioning reads."""
