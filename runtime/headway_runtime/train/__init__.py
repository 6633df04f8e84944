"""Training of a baseline for tables."""
