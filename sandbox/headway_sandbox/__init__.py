"""headway_sandbox."""
