"""Every resource type through the real engine: the whole life, phase by phase."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from headway_runtime import contract
from headway_sandbox.engine import Engine
from headway_sandbox.provider import registry, schema, search
from headway_sandbox.provider.aws import Aws, Target
from headway_sandbox.provider.configuration import Configuration
from headway_sandbox.provider.diffs import Comparison
from headway_sandbox.provider.lifecycle import Clock
from headway_sandbox.provider.resources import Resources
from headway_sandbox.provider.wire import SIGNATURE_KEY
from support.provider_stack import Outcome, Stack, client, sandboxed
from support.round_trip.case import nothing
from support.round_trip.cases import CASES

PROGRAM = "import support.round_trip.program\n"
NAMES = {case.name: case for case in CASES}


@pytest.fixture(scope="module")
def environment(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with sandboxed(engine, tmp_path_factory.mktemp("provider")) as variables:
        yield variables


def differences(phase: str, outcome: Outcome, expected: Mapping[str, str]) -> list[str]:
    """What a phase did otherwise than expected, by type; ``expected`` is logical name to operation."""
    found = []
    for name, case in NAMES.items():
        wanted, seen = expected.get(name, "nothing"), outcome.operations.get(name, "nothing")
        fits = seen != "nothing" if wanted == "something" else wanted in seen
        if not fits:
            found.append(f"{case.token} ({name}), {phase}: {wanted} expected, {seen} seen")
    return found


def test_every_type_has_a_case() -> None:
    assert {case.token for case in CASES} == registry.tokens()


def test_round_trip(environment: dict[str, str], tmp_path: Path) -> None:
    stack = Stack(tmp_path / "round", environment)
    stack.create(PROGRAM)
    settings = {"artifact": str(artifact(tmp_path)), "hidden_": "hush"}
    stack.configure(phase="first", **settings)

    def step(phase: str, outcome: Outcome, expected: Mapping[str, str]) -> None:
        wrong = differences(phase, outcome, expected)
        assert (outcome.code, wrong) == (0, []), "\n".join([*wrong, outcome.text])

    def settled(phase: str) -> Mapping[str, Any]:
        state = stack.state()
        wrong = [f"{line}, {phase}" for name, item in state.items() for line in unlike(name, item)]
        assert not wrong, "\n".join(wrong)
        return state

    step("create", stack.up(), dict.fromkeys(NAMES, "create"))
    state = settled("create")
    answers(stack, state)
    trained(environment, state)
    missed = list(lost(environment, state))
    assert not missed, "\n".join(missed)
    strangers = {}
    for case in CASES:
        if case.outside is not None:
            item = state[case.name]
            case.outside(lambda service: client(environment, service), item["id"], item["outputs"])
            strangers[case.name] = "something"
    # The program asks for nothing new: an update can only follow from what the refresh has seen. Of a type
    # that nobody touched, it sees no change.
    step("refresh after an outside change, repair", stack.up(refresh=True), strangers)
    stack.configure(phase="changed")
    changed = {case.name: "update" for case in CASES if case.changed is not nothing}
    step("refresh after the repair, update in place", stack.up(refresh=True), changed)
    settled("update in place")
    result = json.loads(stack.outputs()["result"])
    assert result == {"n": 2, "tf": {"action": "update", "prev_input": {"n": 1}}}
    stack.configure(phase="replaced")
    replaced = {case.name: "replace" for case in CASES if case.replaced is not nothing}
    outcome = stack.up(refresh=True)
    step("refresh after the update, replace", outcome, {**outcome.operations, **replaced})
    state = settled("replace")
    step("refresh and preview after the replacement", stack.preview(refresh=True), {})
    take_over(environment, tmp_path, state, settings)
    step("destroy", stack.destroy(), dict.fromkeys(NAMES, "delete"))
    left = list(leftovers(environment, state))
    assert not left, "\n".join(left)


def answers(stack: Stack, state: Mapping[str, Any]) -> None:
    """What functions and data sources answered, and that the secret is nowhere in the state."""
    outputs = stack.outputs()
    assert json.loads(outputs["result"]) == {"n": 1, "tf": {"action": "create", "prev_input": None}}
    assert json.loads(outputs["document"])["Statement"][0]["Action"] == "s3:GetObject"
    assert [outputs[name] for name in ("account", "region", "partition")] == [
        "000000000000",
        "us-east-1",
        "aws",
    ]
    assert "hush" not in json.dumps(state)


def trained(environment: Mapping[str, str], state: Mapping[str, Any]) -> None:
    """The job was over when its resource was made, and left a model."""
    job = client(environment, "sagemaker").describe_training_job(TrainingJobName=state["trained"]["id"])
    assert job["TrainingJobStatus"] == "Completed"
    bucket, _, key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://").partition("/")
    assert client(environment, "s3").head_object(Bucket=bucket, Key=key)["ContentLength"] > 0


def lost(environment: Mapping[str, str], state: Mapping[str, Any]) -> Iterator[str]:
    """Types whose id AWS makes up, and that are not found again by what they were made with."""
    aws = Aws(Target(endpoint_url=environment["AWS_ENDPOINT_URL"], region="us-east-1"))
    for name, item in state.items():
        token, table = item["type"], registry.table(item["type"])
        if (
            NAMES[name].unimported
            or table.own_account
            or all(isinstance(item["inputs"].get(part), str) for part in table.id)
        ):
            continue
        others = {other["id"] for key, other in state.items() if key != name and other["type"] == token}
        found = search.find(aws, token, item["inputs"], others)
        if found != item["id"]:
            yield f"{token} ({name}), search: {item['id']} expected, {found} found"


def unlike(name: str, item: Mapping[str, Any]) -> Iterator[str]:
    """Inputs that the resource was not made with, though the program asks for them."""
    comparison = Comparison(registry.table(item["type"]), schema.of(item["type"]).outputs)
    for prop, value in item["inputs"].items():
        # Secrets and assets are marked in a state, and their content is not there to compare.
        marked = isinstance(value, dict) and SIGNATURE_KEY in value
        if (
            prop != "__defaults"
            and not marked
            and not comparison.same(prop, value, item["outputs"].get(prop))
        ):
            yield f"{item['type']} ({name}): {prop} is {item['outputs'].get(prop)}, not {value}"


def artifact(directory: Path) -> Path:
    """A model that an endpoint serves."""
    document = {
        "name": "round-trip",
        "version": 1,
        "task": "binary-classification",
        "inputs": [{"name": "distance", "type": "number", "nullable": False}],
        "output": {"name": "probability", "type": "number", "minimum": 0.0, "maximum": 1.0},
    }
    path = directory / "model.tar.gz"
    path.write_bytes(contract.placeholder_artifact(contract.Contract.from_document(document)))
    return path


def take_over(
    environment: dict[str, str], tmp_path: Path, state: Mapping[str, Any], settings: Mapping[str, str]
) -> None:
    """Imports everything at once into another stack, whose program then finds nothing to do."""
    other = Stack(tmp_path / "imported", environment)
    other.create(PROGRAM)
    other.configure(phase="replaced", **settings)
    entries = [
        {
            "type": case.token,
            "name": case.name,
            "id": case.import_id(state[case.name]["id"], state[case.name]["outputs"]),
        }
        for case in CASES
    ]
    outcome = other.import_all(entries)
    assert outcome.code == 0, outcome.text
    preview = other.preview()
    wrong = [
        f"{case.token} ({case.name}), import: {preview.operations[case.name]} needed afterwards"
        for case in CASES
        if preview.operations.get(case.name) in {"create", "delete"}
        or preview.properties.get(case.name, set()) - registry.table(case.token).unread - case.unimported
    ]
    assert not wrong, "\n".join([*wrong, preview.text])


def leftovers(environment: Mapping[str, str], state: Mapping[str, Any]) -> Iterator[str]:
    """Types whose resources are still there."""
    target = Target(endpoint_url=environment["AWS_ENDPOINT_URL"], region="us-east-1")
    resources = Resources(Configuration(target=target), Clock())
    for name, item in state.items():
        live = resources.read(item["type"], item["id"], item["inputs"], item["outputs"])
        if live is not None and not NAMES[name].stays:
            yield f"{item['type']} ({name})"
