"""Rules about owners, costs, regions and quotas."""
