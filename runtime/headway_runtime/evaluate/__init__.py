"""How good a model is, against which floor, and whether that is enough."""
