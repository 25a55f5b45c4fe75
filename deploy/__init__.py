"""How Service Pulse is run: the embedded stack for one machine, and the files for containers."""
