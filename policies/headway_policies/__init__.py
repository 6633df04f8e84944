"""headway_policies."""
