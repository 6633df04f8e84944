"""Rules about how resources reach each other and the world."""
