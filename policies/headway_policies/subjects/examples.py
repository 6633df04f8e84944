"""Short forms for the examples of rules."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headway_policies.intent import PRODUCTION, Intent
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Case

ACCOUNT = "111122223333"
REGION = "eu-central-1"
KEY_ARN = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
AWS_KEY = "alias/aws/sagemaker"
DIGEST = "sha256:5d1a3b0c4e8f97260b3d5a7c9e1f2042648a6c8ea0c2e4f60718293a4b5c6d7e"
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/team/runtime@{DIGEST}"
KEY = "aws:kms/key:Key"


def urn(type_: str, name: str) -> str:
    """The URN of an example."""
    return f"urn:pulumi:prod::example::{type_}::{name}"


def example(
    type_: str,
    properties: Mapping[str, object] | None = None,
    name: str = "it",
    made_of: Mapping[str, Resource] | None = None,
) -> Resource:
    """One declared resource.

    Args:
        type_: The type token.
        properties: The properties.
        name: The name in the program.
        made_of: For each property, the resource whose output it is.
    """
    return Resource(
        type=type_,
        name=name,
        urn=urn(type_, name),
        properties={} if properties is None else properties,
        references={path: frozenset({other.urn}) for path, other in (made_of or {}).items()},
    )


OWN_KEY = example(KEY, name="key")


def nested(path: str, value: object) -> dict[str, object]:
    """Properties with one value at a path like `a.b.c`."""
    for step in reversed(path.split(".")):
        value = {step: value}
    assert isinstance(value, dict)
    return value


def changed(properties: Mapping[str, object], path: str, value: object) -> dict[str, object]:
    """Properties with one value changed at a path like `a.b[0].c`; None takes it away."""
    step, _, rest = path.partition(".")
    name, bracket, position = step.partition("[")
    copy = dict(properties)
    held = copy.get(name)
    if bracket:
        listed = list(held) if isinstance(held, list) else []
        at = int(position.rstrip("]"))
        entry = listed[at]
        listed[at] = changed(entry, rest, value) if rest and isinstance(entry, Mapping) else value
        copy[name] = listed
    elif rest:
        copy[name] = changed(held if isinstance(held, Mapping) else {}, rest, value)
    elif value is None:
        copy.pop(name, None)
    else:
        copy[name] = value
    return copy


class Examples:
    """Examples of one resource that differ from a good one in what they change.

    Args:
        type_: The type token.
        good: The properties of the good one.
        intent: What the stack is meant to be.
    """

    def __init__(self, type_: str, good: Mapping[str, object], intent: Intent = PRODUCTION) -> None:
        self._type = type_
        self._good = good
        self._intent = intent

    def __call__(
        self,
        title: str,
        changes: Mapping[str, object] | None = None,
        *,
        says: str = "",
        intent: Intent | None = None,
        made_of: Mapping[str, Resource] | None = None,
        beside: tuple[Resource, ...] = (),
    ) -> Case:
        """One example.

        Args:
            title: What it shows.
            changes: What differs, by path; None takes a value away.
            says: Text that the finding holds.
            intent: What the stack is meant to be, where it differs.
            made_of: For each property, the resource whose output it is.
            beside: The other resources of the stack.
        """
        properties = dict(self._good)
        for path, value in (changes or {}).items():
            properties = changed(properties, path, value)
        return Case(
            title=title,
            resources=(example(self._type, properties, made_of=made_of), *beside),
            says=says,
            intent=self._intent if intent is None else intent,
        )


@dataclass(frozen=True, kw_only=True)
class KeyExamples:
    """The examples of a rule that asks for a customer-managed key at one place of a type.

    Args:
        passes: Those that keep it.
        fails: Those that break it.
        unknowns: Those with a key that is not known.
    """

    passes: tuple[Case, ...]
    fails: tuple[Case, ...]
    unknowns: tuple[Case, ...]


def key_examples(type_: str, path: str) -> KeyExamples:
    """The examples of a rule that asks for a customer-managed key at a path of a type."""
    case = Examples(type_, nested(path, KEY_ARN))
    root = path.partition(".")[0]
    return KeyExamples(
        passes=(
            case("a key's ARN"),
            case("a key of the same stack, not known yet", {path: UNKNOWN}, made_of={root: OWN_KEY}),
        ),
        fails=(
            case("no key", {path: None}, says=f"{path} is nothing"),
            case("an empty key", {path: ""}, says=f"{path} is ''"),
            case("the key that AWS manages", {path: AWS_KEY}, says="alias/aws/"),
        ),
        unknowns=(case("made of nothing in the stack", {path: UNKNOWN}, says=path),),
    )


def step(
    type_: str, arguments: Mapping[str, object], name: str = "Step", **more: object
) -> dict[str, object]:
    """One step of a pipeline's definition; further keys, such as `DependsOn`, as they are."""
    return {"Name": name, "Type": type_, "Arguments": dict(arguments), **more}


def definition(*steps: Mapping[str, object], parameters: Sequence[object] = ()) -> dict[str, object]:
    """The properties of a pipeline of these steps."""
    return {
        "pipelineDefinition": {
            "Version": "2020-12-01",
            "Parameters": list(parameters),
            "Steps": list(steps),
        }
    }


def as_text(properties: Mapping[str, object], name: str) -> dict[str, object]:
    """The same properties with one of them written as JSON text."""
    return {**properties, name: json.dumps(properties[name])}


def allowing(**statement: object) -> dict[str, object]:
    """The properties of a policy with one statement, which allows what it names."""
    return {"policy": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}}
