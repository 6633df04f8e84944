"""Definitions, values, conditions and the order of steps: all pure, all in tables."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_sandbox.sagemaker.pipelines.conditions import ConditionError, holds, parse_conditions
from headway_sandbox.sagemaker.pipelines.definition import (
    Branch,
    Definition,
    DefinitionError,
    Step,
    parse_definition,
)
from headway_sandbox.sagemaker.pipelines.parameters import bind
from headway_sandbox.sagemaker.pipelines.paths import PathError, follow, parse_path
from headway_sandbox.sagemaker.pipelines.schedule import State, next_steps
from headway_sandbox.sagemaker.pipelines.values import Scope, parse_value, resolve


def definition(*steps: dict[str, Any], **members: Any) -> str:
    return json.dumps({"Version": "2020-12-01", "Steps": list(steps), **members})


def step(name: str, kind: str = "Training", **members: Any) -> dict[str, Any]:
    return {"Name": name, "Type": kind, "Arguments": {}, **members}


def get(path: str) -> dict[str, str]:
    return {"Get": path}


def condition(name: str, left: Any = 1, **branches: Any) -> dict[str, Any]:
    compared = {"Type": "Equals", "LeftValue": left, "RightValue": 1}
    return step(name, "Condition", Arguments={"Conditions": [compared], **branches})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "it is not JSON"),
        ("[]", "it must be an object"),
        (json.dumps({"Version": "2019-01-01", "Steps": [step("A")]}), "Version is '2019-01-01'"),
        (definition(), "a pipeline needs at least one step"),
        (definition(step("A"), Extra=1), "unknown member Extra"),
        (definition(step("A b")), "a step's Name is 'A b'"),
        (definition(step("A"), step("A")), "step A: the name is used by another step"),
        (definition(step("A", "Callback")), "steps of type 'Callback' are not emulated by this sandbox"),
        (definition(step("A", Surprise=1)), "step A: unknown member Surprise"),
        (definition(step("A", DependsOn=["B"])), "step A: it depends on B, which is no step"),
        (definition(step("A", DependsOn="B")), "DependsOn must be a list"),
        (
            definition(step("A", Arguments={"x": get("Parameters.P")})),
            "Parameters.P does not exist; there are none",
        ),
        (
            definition(step("A", Arguments={"x": get("Steps.B.Arn")})),
            "Steps.B.Arn does not exist; there are A",
        ),
        (definition(step("A", Arguments={"x": get("Execution.Nope")})), "Execution.Nope does not exist"),
        (definition(step("A", Arguments={"x": get("Nope.B")})), "Get is 'Nope.B'; it must be of the form"),
        (definition(step("A", Arguments={"x": get("Steps.A")})), "Get is 'Steps.A'; it must be of the form"),
        (definition(step("A", Arguments={"x": {"Std:Upper": "a"}})), "Std:Upper is not a function"),
        (definition(step("A", Arguments={"x": {"Std:Join": ["a"]}})), "Std:Join is ['a']"),
        (definition(step("A", Arguments={"x": get("Steps.A.Arn")})), "these steps wait for each other: A"),
        (
            definition(step("A", DependsOn=["B"]), step("B", Arguments={"x": get("Steps.A.Arn")})),
            "these steps wait for each other: A, B",
        ),
        (
            definition(condition("C", IfSteps=[step("A")]), step("A")),
            "step A: the name is used by another step",
        ),
        (definition(condition("C", OtherSteps=[])), "step C: unknown member OtherSteps in Arguments"),
        (definition(step("C", "Condition")), "Conditions must be a list of one or more conditions"),
        (
            definition(step("C", "Condition", Arguments={"Conditions": [{"Type": "Near"}]})),
            "is not a condition; its Type must be one of And, Equals, GreaterThan",
        ),
        (
            definition(
                step("C", "Condition", Arguments={"Conditions": [{"Type": "Equals", "LeftValue": 1}]})
            ),
            "a condition Equals has the members LeftValue, RightValue; found LeftValue",
        ),
        (
            definition(
                step("P", "Processing"),
                condition(
                    "C", {"Std:JsonGet": {"PropertyFile": get("Steps.P.PropertyFiles.F"), "Path": "a"}}
                ),
            ),
            "step C: step P has no property file F; it has none",
        ),
        (definition(step("A"), Parameters=[{"Name": "P", "Type": "Date"}]), "parameter P: Type is 'Date'"),
        (
            definition(step("A"), Parameters=[{"Name": "P", "Type": "Integer", "DefaultValue": "1"}]),
            "parameter P: DefaultValue is '1', which is no Integer",
        ),
        (
            definition(
                step("A"),
                Parameters=[{"Name": "P", "Type": "String", "DefaultValue": "c", "EnumValues": ["a"]}],
            ),
            "parameter P: DefaultValue is 'c'; EnumValues allow a",
        ),
    ],
)
def test_a_definition_that_cannot_run_is_refused(text: str, problem: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        parse_definition(text)

    assert any(problem in found for found in caught.value.problems), caught.value.problems


def test_all_problems_are_told_at_once() -> None:
    text = definition(step("A", "Callback"), step("B", DependsOn=["C"], Arguments={"x": get("Parameters.P")}))

    with pytest.raises(DefinitionError) as caught:
        parse_definition(text)

    assert len(caught.value.problems) == 3


def test_dependencies_are_declared_referenced_and_from_branches() -> None:
    parsed = parse_definition(
        definition(
            step("Ingest", "Processing"),
            step("Train", DependsOn=["Ingest"]),
            step(
                "Evaluate",
                "Processing",
                Arguments={"model": {"Std:Join": {"On": "/", "Values": ["s3:/", get("Steps.Train.Arn")]}}},
                PropertyFiles=[{"PropertyFileName": "F", "OutputName": "o", "FilePath": "f.json"}],
            ),
            condition(
                "Gate",
                {"Std:JsonGet": {"PropertyFile": get("Steps.Evaluate.PropertyFiles.F"), "Path": "passed"}},
                IfSteps=[step("Register", "RegisterModel")],
                ElseSteps=[step("Below", "Fail", DisplayName="Below the floor")],
            ),
        )
    )

    assert {name: set(found.depends_on) for name, found in parsed.steps.items()} == {
        "Ingest": set(),
        "Train": {"Ingest"},
        "Evaluate": {"Train"},
        "Gate": {"Evaluate"},
        "Register": {"Gate"},
        "Below": {"Gate"},
    }
    assert parsed.steps["Register"].branch == Branch("Gate", when=True)
    assert parsed.steps["Below"].branch == Branch("Gate", when=False)
    assert parsed.steps["Below"].texts == {"StepDisplayName": "Below the floor"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a", {"b": [10, {"c": 20}], "with-hyphen": 30}),
        ("a.b[0]", 10),
        ("$.a.b[1].c", 20),
        ("a['with-hyphen']", 30),
        ('a["with-hyphen"]', 30),
        ("a.with-hyphen", 30),
        ("outputs['train'].uri", "s3://t"),
    ],
)
def test_paths_lead_into_documents(text: str, value: Any) -> None:
    document = {
        "a": {"b": [10, {"c": 20}], "with-hyphen": 30},
        "outputs": [{"OutputName": "test", "uri": "s3://e"}, {"OutputName": "train", "uri": "s3://t"}],
    }

    assert follow(document, parse_path(text), text) == value


@pytest.mark.parametrize("text", ["", "a..b", "a[", "a[x]", "a.b[0", "['a", "."])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(PathError):
        parse_path(text)


@pytest.mark.parametrize("text", ["b", "a.c", "a.b[5]", "a.b['x']", "a.b[0].c"])
def test_a_path_that_leads_nowhere_says_where_it_ends(text: str) -> None:
    with pytest.raises(PathError, match="leads nowhere"):
        follow({"a": {"b": [1]}}, parse_path(text), text)


SCOPE = Scope(
    parameters={"Rounds": 3, "Quick": True, "Name": "x"},
    execution={"PipelineExecutionId": "abc"},
    properties={"Train": {"ModelArtifacts": {"S3ModelArtifacts": "s3://m"}}},
    property_files={("Evaluate", "F"): {"metrics": {"auc": {"value": 0.7}}, "passed": True}},
)


@pytest.mark.parametrize(
    ("value", "resolved"),
    [
        ({"a": [1, get("Parameters.Rounds")]}, {"a": [1, 3]}),
        (get("Steps.Train.ModelArtifacts.S3ModelArtifacts"), "s3://m"),
        (
            {
                "Std:Join": {
                    "On": "/",
                    "Values": ["p", get("Execution.PipelineExecutionId"), get("Parameters.Rounds")],
                }
            },
            "p/abc/3",
        ),
        (
            {
                "Std:Join": {
                    "Values": [get("Parameters.Quick"), {"Std:Join": {"On": "", "Values": ["a", 1.5]}}]
                }
            },
            "truea1.5",
        ),
        (
            {
                "Std:JsonGet": {
                    "PropertyFile": get("Steps.Evaluate.PropertyFiles.F"),
                    "Path": "metrics.auc.value",
                }
            },
            0.7,
        ),
        ({"Get": "Parameters.Name", "other": 1}, {"Get": "Parameters.Name", "other": 1}),
    ],
)
def test_values_are_replaced_by_what_they_lead_to(value: Any, resolved: Any) -> None:
    problems: list[str] = []

    assert resolve(parse_value(value, "step", problems), SCOPE) == resolved
    assert problems == []


@pytest.mark.parametrize(
    ("kind", "left", "right", "outcome"),
    [
        ("Equals", True, True, True),
        ("Equals", True, 1, False),
        ("Equals", 1, 1.0, True),
        ("Equals", "1", 1, False),
        ("GreaterThan", 0.7, 0.66, True),
        ("GreaterThan", 0.66, 0.66, False),
        ("GreaterThanOrEqualTo", 0.66, 0.66, True),
        ("LessThan", 1, 2.5, True),
        ("LessThanOrEqualTo", 3, 2, False),
        ("LessThan", "a", "b", True),
    ],
)
def test_comparisons(kind: str, left: Any, right: Any, outcome: bool) -> None:
    assert decide({"Type": kind, "LeftValue": left, "RightValue": right}) is outcome


def decide(*conditions: dict[str, Any]) -> bool:
    problems: list[str] = []
    parsed = parse_conditions(list(conditions), "step", problems)
    assert problems == []
    return holds(parsed, lambda value: resolve(value, SCOPE))


def test_conditions_combine() -> None:
    true = {"Type": "In", "QueryValue": get("Parameters.Rounds"), "Values": [1, 3]}
    false = {"Type": "Not", "Expression": true}

    assert decide(true)
    assert not decide(true, false)
    assert decide({"Type": "Or", "Conditions": [false, true]})
    assert not decide({"Type": "And", "Conditions": [true, false]})


def test_what_has_no_order_is_not_ordered() -> None:
    with pytest.raises(
        ConditionError, match="GreaterThan compares two numbers or two strings, not 'a' and 1"
    ):
        decide({"Type": "GreaterThan", "LeftValue": "a", "RightValue": 1})


def test_parameters_are_bound_by_type_with_every_problem() -> None:
    declared = parse_definition(
        definition(
            step("A"),
            Parameters=[
                {"Name": "Rounds", "Type": "Integer"},
                {"Name": "Rate", "Type": "Float", "DefaultValue": 0.1},
                {"Name": "Quick", "Type": "Boolean", "DefaultValue": False},
                {"Name": "Status", "Type": "String", "DefaultValue": "a", "EnumValues": ["a", "b"]},
            ],
        )
    ).parameters

    values, problems = bind(declared, [{"Name": "Rounds", "Value": "30"}, {"Name": "Quick", "Value": "True"}])
    assert (values, problems) == ({"Rounds": 30, "Rate": 0.1, "Quick": True, "Status": "a"}, [])
    wrong = [("Rate", "fast"), ("Quick", "maybe"), ("Status", "c"), ("Extra", "1")]
    _, problems = bind(declared, [{"Name": name, "Value": value} for name, value in wrong])
    assert len(problems) == 5


@st.composite
def pipelines(draw: st.DrawFn) -> Definition:
    """Pipelines without cycles: steps depend on earlier ones, some on a branch of an earlier condition."""
    steps: dict[str, Step] = {}
    for number in range(draw(st.integers(1, 8))):
        name = f"S{number}"
        earlier = list(steps)
        conditions = [other for other in earlier if steps[other].type == "Condition"]
        branch = None
        on_branch = draw(st.booleans())
        if conditions and on_branch:
            branch = Branch(draw(st.sampled_from(conditions)), when=draw(st.booleans()))
        depends_on: frozenset[str] = frozenset()
        if earlier:
            depends_on = draw(st.frozensets(st.sampled_from(earlier), max_size=2))
        steps[name] = Step(
            name=name,
            type="Condition" if draw(st.booleans()) else "Training",
            arguments={},
            condition=None,
            depends_on=depends_on | ({branch.condition} if branch is not None else frozenset()),
            branch=branch,
            property_files={},
            texts={},
            cache=None,
            retries=(),
        )
    return Definition({}, steps)


@given(pipelines(), st.data(), st.integers(1, 3))
def test_steps_start_in_order_once_and_every_pipeline_ends(
    pipeline: Definition, data: st.DataObject, at_most: int
) -> None:
    states = dict.fromkeys(pipeline.steps, State.WAITING)
    outcomes: dict[str, bool] = {}
    failed = False
    for _ in range(3 * len(pipeline.steps) + 1):
        plan = next_steps(pipeline, states, outcomes, at_most=at_most)
        for name in plan.skip:
            assert states[name] is State.WAITING
            states[name] = State.SKIPPED
        for name in plan.start:
            found = pipeline.steps[name]
            assert not failed
            assert states[name] is State.WAITING
            assert all(states[other] is State.SUCCEEDED for other in found.depends_on)
            assert found.branch is None or outcomes[found.branch.condition] is found.branch.when
            states[name] = State.EXECUTING
        executing = [name for name, state in states.items() if state is State.EXECUTING]
        assert len(executing) <= at_most
        if not executing:
            break
        name = data.draw(st.sampled_from(executing))
        states[name] = data.draw(st.sampled_from([State.SUCCEEDED, State.SUCCEEDED, State.FAILED]))
        failed = failed or states[name] is State.FAILED
        if states[name] is State.SUCCEEDED and pipeline.steps[name].type == "Condition":
            outcomes[name] = data.draw(st.booleans())

    assert State.EXECUTING not in states.values()
    assert failed or State.WAITING not in states.values()
