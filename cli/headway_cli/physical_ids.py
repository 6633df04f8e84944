"""The id that a resource has in the sandbox, from the inputs that it was made with."""

from collections.abc import Mapping
from typing import Any

from headway_sandbox.provider import registry, search
from headway_sandbox.provider.aws import Aws, Target
from headway_sandbox.provider.reading import derive
from headway_sandbox.provider.registry import UnknownTypeError
from headway_sandbox.provider.table import ResourceType

ACCOUNT = "000000000000"
PARTITION = "aws"


class PhysicalIds:
    """Finds ids; each resource that AWS named itself is found once.

    Args:
        variables: What the sandbox is reached with: endpoint, region and credentials.
        taken: Type and id of what belongs to resources already.
    """

    def __init__(self, variables: Mapping[str, str], taken: frozenset[tuple[str, str]]) -> None:
        self._region = variables["AWS_REGION"]
        target = Target(
            endpoint_url=variables["AWS_ENDPOINT_URL"],
            region=self._region,
            access_key=variables["AWS_ACCESS_KEY_ID"],
            secret_key=variables["AWS_SECRET_ACCESS_KEY"],
        )
        self._aws = Aws(target)
        self._taken = set(taken)

    def find(self, token: str, inputs: Mapping[str, Any]) -> str | None:
        """The id of a resource of a type with these inputs; None where nobody can know.

        An id that follows from the inputs is told whether there is the resource or not; what AWS named itself
        is looked for.
        """
        try:
            table = registry.table(token)
        except UnknownTypeError:
            return None
        found = self._from_inputs(table, inputs)
        if found is None:
            taken = {known_id for known, known_id in self._taken if known == token}
            found = search.find(self._aws, token, inputs, taken)
        if found is not None:
            self._taken.add((token, found))
        return found

    def _from_inputs(self, table: ResourceType, inputs: Mapping[str, Any]) -> str | None:
        places = {"account": ACCOUNT, "region": self._region, "partition": PARTITION}
        own = {table.own_account: ACCOUNT} if table.own_account else {}
        known = {**own, **inputs}
        known |= derive(table, {**known, **places})
        return table.id_of(known) if all(isinstance(known.get(name), str) for name in table.id) else None
