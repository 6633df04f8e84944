"""headway_runtime."""
