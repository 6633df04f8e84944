"""Rules about staying up and getting data back."""
