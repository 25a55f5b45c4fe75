"""Dashboards and alert rules as code."""
