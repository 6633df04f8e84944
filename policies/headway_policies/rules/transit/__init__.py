"""Rules about encryption on the way."""
