"""The policy pack: `pulumi preview --policy-pack policies`."""

from pathlib import Path

from headway_policies.pack import serve

serve(Path(__file__).parent)
