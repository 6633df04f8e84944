"""Rules about the record of who did what."""
