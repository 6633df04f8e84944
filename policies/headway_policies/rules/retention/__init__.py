"""Rules about how long data and logs stay."""
