"""Watches a live model: how its traffic differs from what it was trained on, and whether that lasts."""
