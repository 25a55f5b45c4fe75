"""The pure part: folds and measures. No I/O, no clock, no framework."""
