"""What a SageMaker instance type says about its disks and its accelerator.

Sources: the service model of SageMaker (the instance types), Amazon EC2 User Guide "Instance store volumes"
(which of them have disks of their own). Those encrypt their disks by a hardware module, and SageMaker takes
no key for them: `CreateEndpointConfig` fails with one.
"""

import re

_OWN_DISKS = re.compile(
    r"[cmr]\d+[a-z]*d[a-z]*|g4dn|g5|g6e?|gr6|g7e?|p3dn|p4de?|p5(en?)?|p6[a-z]*-[a-z]+\d+|trn[12]n?|i\d[a-z]*|d3(en)?|dl1"
)
_ACCELERATED = re.compile(r"(p|g|gr|trn|inf|dl)\d.*")


def family(instance_type: str) -> str:
    """`ml.g5.xlarge` gives `g5`."""
    parts = instance_type.split(".")
    return parts[1] if len(parts) > 1 else ""


def has_own_disks(instance_type: str) -> bool:
    """Whether the machine has disks of its own, which it encrypts by itself and for which it takes no key."""
    return _OWN_DISKS.fullmatch(family(instance_type)) is not None


def is_accelerated(instance_type: str) -> bool:
    """Whether the machine has a GPU or another accelerator; AWS grants those only up to a quota."""
    return _ACCELERATED.fullmatch(family(instance_type)) is not None
