"""The id that a resource has in the sandbox, from the inputs that it was made with."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from headway_cli.aws import Aws
from headway_sandbox.provider import registry
from headway_sandbox.provider.reading import derive
from headway_sandbox.provider.registry import UnknownTypeError

ACCOUNT = "000000000000"
PARTITION = "aws"


class PhysicalIds:
    """Finds ids; each resource that AWS named itself is found once.

    Args:
        aws: Clients of the sandbox.
        region: The sandbox's region.
        taken: Ids that belong to resources already.
    """

    def __init__(self, aws: Aws, region: str, taken: frozenset[str]) -> None:
        self._aws = aws
        self._region = region
        self._taken = set(taken)

    def find(self, token: str, inputs: Mapping[str, Any]) -> str | None:
        """The id of a resource of a type with these inputs, existing or not; None where nobody can know."""
        if token in _NAMED_BY_AWS:
            found = _NAMED_BY_AWS[token](self._aws, inputs, self._taken)
        else:
            found = self._from_inputs(token, inputs)
        if found is not None:
            self._taken.add(found)
        return found

    def _from_inputs(self, token: str, inputs: Mapping[str, Any]) -> str | None:
        try:
            table = registry.table(token)
        except UnknownTypeError:
            return None
        places = {"account": ACCOUNT, "region": self._region, "partition": PARTITION}
        known = {**inputs, **derive(table, {**inputs, **places})}
        return table.id_of(known) if all(isinstance(known.get(name), str) for name in table.id) else None


def _find_key(aws: Aws, inputs: Mapping[str, Any], taken: Collection[str]) -> str | None:
    kms = aws.client("kms")
    for page in kms.get_paginator("list_keys").paginate():
        for key_id in (entry["KeyId"] for entry in page["Keys"] if entry["KeyId"] not in taken):
            key = kms.describe_key(KeyId=key_id)["KeyMetadata"]
            same = key.get("Description", "") == inputs.get("description", "")
            if same and key["KeyState"] == "Enabled" and key.get("KeyManager") != "AWS":
                return str(key_id)
    return None


_NAMED_BY_AWS: dict[str, Callable[[Aws, Mapping[str, Any], Collection[str]], str | None]] = {
    "aws:kms/key:Key": _find_key,
}
"""Types whose id is made up by AWS, so that it has to be looked for."""
