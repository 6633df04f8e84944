"""What rules speak about: jobs, buckets, keys, alarms, pipelines, as their resources declare them."""
