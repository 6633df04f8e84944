"""headway_cli."""
