"""Training sets that are right in time, from the offline store of a feature store."""
