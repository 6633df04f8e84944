"""Data that arrives: held to its contract, merged so that nothing counts twice, set aside where it is bad."""
