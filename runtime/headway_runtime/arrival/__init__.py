"""The function that starts a training when data has arrived: one for what landed together, none twice."""
