"""Rules about who can reach data."""
