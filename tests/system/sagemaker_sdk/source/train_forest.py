"""A training script that needs the framework of its image."""

from sklearn.ensemble import RandomForestClassifier  # type: ignore[import-not-found]  # its image has it

print(RandomForestClassifier())
