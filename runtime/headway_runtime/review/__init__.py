"""Answers that the model is unsure of, looked at by people: the queue, their labels, how far they agree."""
