"""Rules about how a model takes over."""
