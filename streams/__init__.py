"""From ticket events to live metrics: the pure core, the agents around it and the command line."""
