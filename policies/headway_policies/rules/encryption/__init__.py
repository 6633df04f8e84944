"""Rules about keys and encryption."""
