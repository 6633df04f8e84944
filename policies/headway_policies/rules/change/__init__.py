"""Rules about what a model has to show before it ships."""
