"""Rules about data about people."""
