"""The dashboards, one module each: which panels, in which order, asking what."""
