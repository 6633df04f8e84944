"""Rules about the life of keys and secrets."""
