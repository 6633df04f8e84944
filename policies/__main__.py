"""The policy pack: `pulumi preview --policy-pack policies`."""

from headway_policies.pack import serve

serve()
