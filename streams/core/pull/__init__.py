"""Pull: which page of an API comes next, what its records are, and where to go on; pure, it asks nobody."""
