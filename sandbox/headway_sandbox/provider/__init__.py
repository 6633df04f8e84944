"""Stand-in for the pulumi-aws plugin: Pulumi's provider protocol, translated by tables to sandbox calls."""
