"""Rules about noticing when something goes wrong."""
