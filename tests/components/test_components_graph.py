"""What a declared system becomes: the whole graph of resources, held against golden files.

Regenerate after a wanted change, and review the diff: HEADWAY_GOLDEN=write pytest tests/components
"""

import json
import os
from pathlib import Path

import pytest

from headway_components import AISystem, AISystemArgs, SystemSpec
from headway_components.spec import MAXIMUM_NAME_CHARACTERS
from support.example_system import DEFAULTS, DEPLOYMENT, MAX, MAX_DEPLOYMENT
from support.planned import planned
from support.pulumi_program import Run, graph, run_program

GOLDEN = Path(__file__).parent / "golden"
FORMS = {"defaults": (DEFAULTS, DEPLOYMENT, "local"), "max": (MAX, MAX_DEPLOYMENT, "prod")}


@pytest.fixture(params=sorted(FORMS))
def form(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Run]:
    spec, deployment, stack = FORMS[request.param]
    return request.param, planned(spec, deployment, tmp_path, stack)


def test_graph_is_the_golden_one(form: tuple[str, Run]) -> None:
    name, run = form
    text = json.dumps(_readable(_without_code(graph(run))), indent=1, sort_keys=True) + "\n"
    golden = GOLDEN / f"{name}.json"
    if os.environ.get("HEADWAY_GOLDEN") == "write":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text, "utf-8")

    assert json.loads(text) == json.loads(golden.read_text("utf-8"))


def _readable(value: object) -> object:
    """JSON texts as what they say, so that a changed policy is a changed line."""
    if isinstance(value, dict):
        return {key: _readable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_readable(item) for item in value]
    return _readable(json.loads(value)) if isinstance(value, str) and value.startswith("{") else value


def _without_code(resources: list[dict[str, object]]) -> list[dict[str, object]]:
    """The function's code is the runtime's own; its files are named and not repeated."""
    for item in resources:
        inputs = item["inputs"]
        assert isinstance(inputs, dict)
        if item["type"] == "aws:lambda/function:Function":
            inputs["code"] = sorted(inputs["code"])
    return resources


def test_every_child_belongs_to_the_system_and_is_named_after_its_parent(form: tuple[str, Run]) -> None:
    _, run = form
    names = {item.name for item in run.resources}

    for item in run.resources:
        if item.name != "fraud":
            assert item.parent in names
            assert item.name.startswith(item.parent)


def test_names_are_unique_within_a_type(form: tuple[str, Run]) -> None:
    _, run = form
    keys = [(item.type, item.name) for item in run.resources]

    assert len(keys) == len(set(keys))


def test_two_forms_share_every_name(tmp_path: Path) -> None:
    """Nothing is renamed when a system grows, so growing replaces nothing."""
    runs = [
        planned(spec, deployment, tmp_path, stack)
        for spec, deployment, stack in (FORMS["defaults"], FORMS["max"])
    ]
    small, large = ({(item.type, item.name) for item in run.resources} for run in runs)

    assert small < large


AUTONAME_LIMITS = {
    "aws:iam/role:Role": 64,
    "aws:s3/bucket:Bucket": 63,
    "aws:lambda/function:Function": 64,
    "aws:sfn/stateMachine:StateMachine": 80,
    "aws:cloudwatch/eventRule:EventRule": 64,
    "aws:cloudwatch/eventTarget:EventTarget": 64,
    "aws:sns/topic:Topic": 256,
    "aws:dynamodb/table:Table": 255,
    "aws:cloudwatch/metricAlarm:MetricAlarm": 255,
    "aws:iam/rolePolicy:RolePolicy": 128,
}
"""Characters that AWS allows in names that the provider makes of ours."""
SUFFIX_CHARACTERS = len("-0123456")


def test_the_longest_name_leaves_room_for_every_name_made_of_it(tmp_path: Path) -> None:
    name = "x" * MAXIMUM_NAME_CHARACTERS
    contract = MAX.contract.model_copy(update={"name": name})
    spec = SystemSpec.load({**MAX.plain(), "name": name, "contract": contract.plain()})
    run = planned(spec, MAX_DEPLOYMENT, tmp_path, "prod")
    seen = {item.type for item in run.resources}

    assert set(AUTONAME_LIMITS) <= seen
    for item in run.resources:
        limit = AUTONAME_LIMITS.get(item.type)
        assert limit is None or len(item.name) + SUFFIX_CHARACTERS <= limit, item.name


def test_two_systems_live_in_one_stack(tmp_path: Path) -> None:
    other = DEFAULTS.model_copy(
        update={"name": "churn", "contract": DEFAULTS.contract.model_copy(update={"name": "churn"})}
    )

    def program() -> None:
        for spec in (DEFAULTS, other):
            AISystem(spec.name, AISystemArgs(spec=spec, deployment=DEPLOYMENT))

    run = run_program(program)
    keys = [(item.type, item.name) for item in run.resources]
    physical = [(item.type, item.inputs["name"]) for item in run.resources if item.inputs.get("name")]

    assert len(keys) == len(set(keys))
    assert len(physical) == len(set(physical))
