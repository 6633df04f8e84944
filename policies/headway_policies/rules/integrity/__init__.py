"""Rules about code, images, data and records that nobody can swap."""
