"""The Faust agents: receive a batch, call the core, write, acknowledge."""
