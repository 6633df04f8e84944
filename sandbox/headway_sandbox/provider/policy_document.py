"""IAM policy documents from the statements of the ``getPolicyDocument`` function. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from headway_sandbox.provider.values import Value

_DEFAULT_VERSION = "2012-10-17"
Statement = dict[str, Any]


def _one_or_all(values: Iterable[str]) -> Value:
    """A list of one is written as the element, a longer one in reverse order, as Terraform does."""
    found = sorted(set(values), reverse=True)
    return found[0] if len(found) == 1 else found


def _variables(value: Value) -> Value:
    """``&{`` stands for IAM's own ``${``, which Terraform would take for one of its own."""
    match value:
        case str():
            return value.replace("&{", "${")
        case list():
            return [_variables(item) for item in value]
    return value


def _principals(blocks: Iterable[Mapping[str, Any]]) -> Value:
    found: dict[str, list[str]] = {}
    for block in blocks:
        found.setdefault(block["type"], []).extend(block["identifiers"])
    if found == {"*": ["*"]}:
        return "*"
    return {kind: _variables(_one_or_all(names)) for kind, names in found.items()}


def _conditions(blocks: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    found: dict[str, dict[str, list[str]]] = {}
    for block in blocks:
        found.setdefault(block["test"], {}).setdefault(block["variable"], []).extend(block["values"])
    return {
        test: {
            name: _variables(values[0] if len(values) == 1 else values) for name, values in variables.items()
        }
        for test, variables in found.items()
    }


def _statement(block: Mapping[str, Any]) -> Statement:
    effect = block.get("effect")
    statement: Statement = {"Sid": block.get("sid"), "Effect": "Allow" if effect is None else effect}
    for name, member in (("actions", "Action"), ("notActions", "NotAction")):
        if block.get(name):
            statement[member] = _one_or_all(block[name])
    for name, member in (("resources", "Resource"), ("notResources", "NotResource")):
        if block.get(name):
            statement[member] = _variables(_one_or_all(block[name]))
    for name, member in (("principals", "Principal"), ("notPrincipals", "NotPrincipal")):
        if block.get(name):
            statement[member] = _principals(block[name])
    if block.get("conditions"):
        statement["Condition"] = _conditions(block["conditions"])
    return {member: value for member, value in statement.items() if value is not None}


def _texts(arguments: Mapping[str, Any], single: str, several: str) -> list[str]:
    texts = [arguments.get(single), *(arguments.get(several) or [])]
    return [text for text in texts if text]


def _statements_of(text: str) -> list[Statement]:
    statements: Value = json.loads(text).get("Statement", [])
    return statements if isinstance(statements, list) else [statements]


def _overlaid(below: list[Statement], above: Iterable[Statement]) -> list[Statement]:
    """Statements with those of the same Sid replaced; others are added."""
    merged = list(below)
    for statement in above:
        sid = statement.get("Sid")
        places = [index for index, present in enumerate(merged) if sid and present.get("Sid") == sid]
        if places:
            merged[places[0]] = statement
        else:
            merged.append(statement)
    return merged


def render(arguments: Mapping[str, Any]) -> str:
    """The JSON text of a policy document.

    Source documents come first, then the statements, then override documents; a statement replaces an earlier
    one of the same Sid.

    Args:
        arguments: arguments of the function, in pulumi-aws's spelling.

    Raises:
        ValueError: a source or override document is not JSON.
    """
    statements: list[Statement] = []
    for text in _texts(arguments, "sourceJson", "sourcePolicyDocuments"):
        statements = _overlaid(statements, _statements_of(text))
    statements = _overlaid(statements, [_statement(block) for block in arguments.get("statements") or []])
    for text in _texts(arguments, "overrideJson", "overridePolicyDocuments"):
        statements = _overlaid(statements, _statements_of(text))
    version = arguments.get("version")
    document: dict[str, Any] = {"Version": _DEFAULT_VERSION if version is None else version}
    if arguments.get("policyId") is not None:
        document["Id"] = arguments["policyId"]
    return json.dumps({**document, "Statement": statements}, indent=2)
