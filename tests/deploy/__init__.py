"""The files that deployments are made of: what they say holds, as far as it can be told without a container engine."""
