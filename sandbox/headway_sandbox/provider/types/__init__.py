"""Tables of the resource types, one module a service of pulumi-aws."""
