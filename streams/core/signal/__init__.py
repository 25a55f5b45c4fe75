"""Signals: what is found about segments, in a form that pages, dashboards and other programs can be told."""
