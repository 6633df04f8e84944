"""The function in front of a training: which rows it learns from, and which model it has to beat."""
