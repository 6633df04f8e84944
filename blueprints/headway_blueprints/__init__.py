"""headway_blueprints."""
