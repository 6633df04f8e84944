"""A Pulumi program with every resource type of the provider stand-in, in several modules."""
