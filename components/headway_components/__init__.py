"""headway_components."""
