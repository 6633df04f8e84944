"""What the record of the newest release says: what was wanted, what serves, and why."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_aws import dynamodb

CURRENT = "current"
"""Sort key under which the machine keeps the newest release."""
FIELDS = ("desired", "serving", "why")
NOTHING_YET = "no release is recorded yet"
_ABSENT = ("couldn't find resource", "empty result", "ResourceNotFoundException")
"""What the provider says of an item or a table that is not there, by version."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How the newest release stood when the program asked.

    Attributes:
        desired: Configuration in which the challenger serves alone; None where none was derived.
        serving: Configuration that did serve; None where that is not recorded.
        why: The reason, for a person; that nothing is recorded, or could not be read, where so.
    """

    desired: str | None
    serving: str | None
    why: str


def standing(table: dynamodb.Table, system: str, parent: pulumi.Resource) -> pulumi.Output[Standing]:
    """How the newest release stands.

    Nothing is asked while the table's id is unknown. An answer that does not come (nothing is recorded yet, a
    plan is made offline, somebody may not read the table) costs the outputs and nothing else.

    Args:
        table: The table with the record of every release.
        system: Name of the system.
        parent: Resource whose provider is asked.
    """
    key = json.dumps({"system": {"S": system}, "release_id": {"S": CURRENT}})

    def read(given: list[str]) -> Standing:
        _, name = given
        try:
            found = dynamodb.get_table_item(
                table_name=name,
                key=key,
                # The whole record is long, and words such as these are partly reserved.
                expression_attribute_names={f"#{field}": field for field in FIELDS},
                projection_expression=", ".join(f"#{field}" for field in FIELDS),
                opts=pulumi.InvokeOptions(parent=parent),
            )
        # The SDK raises plain exceptions for what a provider answers.
        except Exception as error:  # noqa: BLE001
            return Standing(desired=None, serving=None, why=_unread(str(error)))
        return _standing(json.loads(found.item))

    return pulumi.Output.all(table.id, table.name).apply(read)


def _unread(said: str) -> str:
    if any(words in said for words in _ABSENT):
        return NOTHING_YET
    return f"the record of releases could not be read: {said}"


def _standing(item: Mapping[str, Mapping[str, str]]) -> Standing:
    said = {field: item[field]["S"] for field in FIELDS if field in item}
    # The record has an empty text for what is not known.
    known = {field: text for field, text in said.items() if text != ""}
    return Standing(desired=known.get("desired"), serving=known.get("serving"), why=said.get("why", ""))
