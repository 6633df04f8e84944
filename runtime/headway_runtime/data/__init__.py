"""Raw tables, their partitions and manifest, and the training set made of them."""
