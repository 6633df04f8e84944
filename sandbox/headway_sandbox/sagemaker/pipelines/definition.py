"""Pipeline definitions: the JSON of schema version 2020-12-01, parsed and checked before anything runs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from headway_sandbox.sagemaker.pipelines.caching import CacheConfig, parse_cache_config
from headway_sandbox.sagemaker.pipelines.conditions import Combination, operands, parse_conditions
from headway_sandbox.sagemaker.pipelines.parameters import Parameter, parse_parameters
from headway_sandbox.sagemaker.pipelines.retries import RetryPolicy, parse_retry_policies
from headway_sandbox.sagemaker.pipelines.values import Get, JsonGet, Value, leaves, parse_value

VERSION = "2020-12-01"
STEP_TYPES = (
    *("Condition", "Fail", "Lambda", "Model", "Processing", "RegisterModel", "Training", "Transform"),
)
EXECUTION_VARIABLES = (
    "CurrentDateTime",
    "PipelineArn",
    "PipelineExecutionArn",
    "PipelineExecutionId",
    "PipelineName",
    "StartDateTime",
)

_NAME = re.compile(r"[A-Za-z0-9\-_]{1,64}")
_TOP_MEMBERS = frozenset({"Version", "Metadata", "Parameters", "PipelineExperimentConfig", "Steps"})
_STEP_MEMBERS = frozenset(
    {
        *("Name", "Type", "Arguments", "DependsOn", "DisplayName", "Description", "PropertyFiles"),
        *("CacheConfig", "RetryPolicies"),
    }
)
_LAMBDA_MEMBERS = frozenset({"FunctionArn", "OutputParameters"})


class DefinitionError(ValueError):
    """A definition that cannot run.

    Attributes:
        problems: One sentence for everything that is wrong.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class PropertyFile:
    """A JSON file among a processing step's outputs.

    Attributes:
        output_name: The output that holds it.
        file_path: Its path in the output.
    """

    output_name: str
    file_path: str


@dataclass(frozen=True)
class Branch:
    """The side of a Condition step that a step is on."""

    condition: str
    when: bool


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        name: Unique in the pipeline.
        type: One of `STEP_TYPES`.
        arguments: Arguments with their references parsed; for Condition steps empty, for Lambda steps
            ``FunctionArn``, ``Payload`` and ``Outputs``.
        condition: What a Condition step decides by.
        depends_on: Names of the steps that must have succeeded, declared and by reference.
        branch: The side of the Condition step that it is on, if any.
        property_files: By name.
        texts: ``StepDisplayName`` and ``StepDescription`` where given.
        cache: When a run before is used again; None for never.
        retries: When it is tried again.
    """

    name: str
    type: str
    arguments: Value
    condition: Combination | None
    depends_on: frozenset[str]
    branch: Branch | None
    property_files: Mapping[str, PropertyFile]
    texts: Mapping[str, str]
    cache: CacheConfig | None
    retries: tuple[RetryPolicy, ...]

    def references(self) -> Iterator[Get | JsonGet]:
        """Everything in the step that is only known when it runs."""
        yield from leaves(self.arguments)
        if self.condition is not None:
            for value in operands(self.condition):
                yield from leaves(value)


@dataclass(frozen=True)
class Definition:
    """A pipeline.

    Attributes:
        parameters: By name.
        steps: By name, in the order of the document, branches flattened.
    """

    parameters: Mapping[str, Parameter]
    steps: Mapping[str, Step]


@dataclass
class _Parser:
    problems: list[str] = field(default_factory=list)
    steps: dict[str, Step] = field(default_factory=dict)

    def parse_steps(self, value: Any, branch: Branch | None, where: str) -> None:  # noqa: ANN401 - any JSON value
        if not isinstance(value, list):
            self.problems.append(f"{where} must be a list of steps, not {value!r}")
            return
        for item in value:
            self._parse_step(item, branch, where)

    def _parse_step(self, item: Any, branch: Branch | None, where: str) -> None:  # noqa: ANN401
        name = item.get("Name") if isinstance(item, dict) else None
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            self.problems.append(
                f"{where}: a step's Name is {name!r}; it must be 1 to 64 letters, digits, hyphens "
                "and underscores"
            )
            return
        here = f"step {name}"
        if name in self.steps:
            self.problems.append(f"{here}: the name is used by another step")
            return
        kind = item.get("Type")
        if kind not in STEP_TYPES:
            self.problems.append(
                f"{here}: steps of type {kind!r} are not emulated by this sandbox; emulated are "
                f"{', '.join(STEP_TYPES)}"
            )
        members = _STEP_MEMBERS | (_LAMBDA_MEMBERS if kind == "Lambda" else set())
        for member in sorted(set(item) - members):
            self.problems.append(f"{here}: unknown member {member}")
        arguments = item.get("Arguments", {})
        if not isinstance(arguments, dict):
            self.problems.append(f"{here}: Arguments must be an object, not {arguments!r}")
            arguments = {}
        condition = None
        inner: dict[bool, Any] = {}
        if kind == "Condition":
            condition = parse_conditions(arguments.get("Conditions"), here, self.problems)
            inner = {True: arguments.get("IfSteps", []), False: arguments.get("ElseSteps", [])}
            for member in sorted(set(arguments) - {"Conditions", "IfSteps", "ElseSteps"}):
                self.problems.append(f"{here}: unknown member {member} in Arguments")
        if kind == "Lambda":
            arguments = self._call(item, arguments, here)
        parsed = {} if condition is not None else parse_value(arguments, here, self.problems)
        step = Step(
            name=name,
            type=str(kind),
            arguments=parsed,
            condition=condition,
            depends_on=frozenset(),
            branch=branch,
            property_files=self._property_files(item.get("PropertyFiles", []), here),
            texts=_texts(item),
            cache=parse_cache_config(item.get("CacheConfig"), str(kind), here, self.problems),
            retries=parse_retry_policies(item.get("RetryPolicies"), str(kind), here, self.problems),
        )
        declared = self._declared(item.get("DependsOn", []), here)
        above = {branch.condition} if branch is not None else set()
        depends_on = frozenset({*declared, *_steps_in(step), *above})
        self.steps[name] = replace(step, depends_on=depends_on)
        for when, steps in inner.items():
            self.parse_steps(steps, Branch(name, when), f"{here}, {'IfSteps' if when else 'ElseSteps'}")

    def _call(self, item: Mapping[str, Any], arguments: dict[str, Any], where: str) -> dict[str, Any]:
        """The call of a function: what it is, what it gets, and the outputs that others may ask for."""
        arn = item.get("FunctionArn")
        if not isinstance(arn, str | dict):
            self.problems.append(f"{where}: FunctionArn is {arn!r}; it must name a function")
        outputs = item.get("OutputParameters", [])
        named = isinstance(outputs, list) and all(
            isinstance(each, dict) and isinstance(each.get("OutputName"), str) for each in outputs
        )
        if not named:
            self.problems.append(
                f"{where}: OutputParameters must be a list of OutputName and OutputType, not {outputs!r}"
            )
        return {
            "FunctionArn": arn,
            "Payload": arguments,
            "Outputs": [each["OutputName"] for each in outputs] if named else [],
        }

    def _declared(self, value: Any, where: str) -> list[str]:  # noqa: ANN401
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return value
        self.problems.append(f"{where}: DependsOn must be a list of step names, not {value!r}")
        return []

    def _property_files(self, value: Any, where: str) -> dict[str, PropertyFile]:  # noqa: ANN401
        files = {}
        members = ("PropertyFileName", "OutputName", "FilePath")
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict) and all(isinstance(item.get(member), str) for member in members):
                files[item["PropertyFileName"]] = PropertyFile(item["OutputName"], item["FilePath"])
            else:
                self.problems.append(f"{where}: a property file needs {', '.join(members)}, found {item!r}")
        return files


def parse_definition(text: str) -> Definition:
    """Parses and checks a definition.

    Args:
        text: The JSON text.

    Raises:
        DefinitionError: With every problem found.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise DefinitionError([f"it is not JSON: {error}"]) from error
    if not isinstance(document, dict):
        raise DefinitionError([f"it must be an object, not {document!r}"])
    parser = _Parser()
    if document.get("Version") != VERSION:
        parser.problems.append(f"Version is {document.get('Version')!r}; it must be {VERSION!r}")
    for member in sorted(set(document) - _TOP_MEMBERS):
        parser.problems.append(f"unknown member {member}; known are {', '.join(sorted(_TOP_MEMBERS))}")
    parameters = parse_parameters(document.get("Parameters", []), parser.problems)
    parser.parse_steps(document.get("Steps"), None, "Steps")
    if not parser.steps and not parser.problems:
        parser.problems.append("Steps is empty; a pipeline needs at least one step")
    definition = Definition(parameters, parser.steps)
    parser.problems.extend(_dangling(definition))
    if not parser.problems:
        parser.problems.extend(_cycles(definition))
    if parser.problems:
        raise DefinitionError(parser.problems)
    return definition


def _dangling(definition: Definition) -> Iterator[str]:
    """References that lead to nothing in the definition."""
    known = {
        "Parameters": set(definition.parameters),
        "Execution": set(EXECUTION_VARIABLES),
        "Steps": set(definition.steps),
    }
    for step in definition.steps.values():
        for reference in step.references():
            if isinstance(reference, Get):
                if reference.name not in known[reference.root]:
                    choices = ", ".join(sorted(known[reference.root]))
                    yield f"step {step.name}: {reference.text} does not exist; there are {choices or 'none'}"
            elif reference.step not in definition.steps:
                yield (
                    f"step {step.name}: the property file {reference.property_file} is of an "
                    f"unknown step {reference.step}"
                )
            elif reference.property_file not in definition.steps[reference.step].property_files:
                have = ", ".join(sorted(definition.steps[reference.step].property_files))
                yield (
                    f"step {step.name}: step {reference.step} has no property file "
                    f"{reference.property_file}; "
                    f"it has {have or 'none'}"
                )
        referenced = set(_steps_in(step))
        for name in sorted(step.depends_on - set(definition.steps) - referenced):
            yield f"step {step.name}: it depends on {name}, which is no step"


def _steps_in(step: Step) -> Iterator[str]:
    """Names of the steps that a step refers to."""
    for reference in step.references():
        if isinstance(reference, JsonGet):
            yield reference.step
        elif reference.root == "Steps":
            yield reference.name


def _cycles(definition: Definition) -> Iterator[str]:
    """Steps that wait for themselves."""
    waiting = {name: set(step.depends_on) for name, step in definition.steps.items()}
    while free := [name for name, needs in waiting.items() if not needs]:
        for name in free:
            del waiting[name]
        for needs in waiting.values():
            needs.difference_update(free)
    if waiting:
        yield f"these steps wait for each other: {', '.join(waiting)}"


def _texts(item: dict[str, Any]) -> dict[str, str]:
    members = {"DisplayName": "StepDisplayName", "Description": "StepDescription"}
    return {target: str(item[member]) for member, target in members.items() if member in item}
