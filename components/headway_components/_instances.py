"""What an instance type says about its disks."""

import re

# Source: Amazon EC2 instance types with local NVMe storage that SageMaker offers.
_LOCAL_STORAGE = re.compile(r"ml\.([cmr]\d+[a-z]*d[a-z]*|g4dn|g5|g6e?|p4de?|p5(en?)?|trn[12]n?|i\d[a-z]*)\.")


def has_local_storage(instance_type: str) -> bool:
    """Whether a machine has disks of its own, which it encrypts by itself and for which it takes no key."""
    return _LOCAL_STORAGE.match(instance_type) is not None
