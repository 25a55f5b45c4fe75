"""Worth: what a solved case, and a way of solving it, changes in what customers do afterwards."""
