"""The desk's own definitions: who is satisfied, and how soon it means to answer and to resolve."""
