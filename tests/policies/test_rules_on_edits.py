"""One edit of a production stack that breaks it is found, by the rules that it breaks and no other."""

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from headway_policies.intent import DataClassification, Intent
from headway_policies.judge import judge
from headway_policies.outcome import Outcome
from headway_policies.registry import all_rules
from headway_policies.resource import Resource
from support.example_system import MAX, MAX_DEPLOYMENT
from support.planned import planned, resources

PRODUCTION = Intent(environment="prod", data_classification=DataClassification.RESTRICTED)
Edit = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> list[Resource]:
    return resources(planned(MAX, MAX_DEPLOYMENT, tmp_path_factory.mktemp("code")))


def failing(resources: list[Resource]) -> set[str]:
    return {
        item.rule_id for item in judge(all_rules(), resources, PRODUCTION) if item.outcome is Outcome.FAIL
    }


def edited(resources: list[Resource], type_: str, name: str, edit: Edit) -> list[Resource]:
    """The stack with one resource changed."""
    changed = []
    for resource in resources:
        if resource.type.endswith(f":{type_}") and resource.name.endswith(name):
            properties = copy.deepcopy(dict(resource.properties))
            edit(properties)
            changed.append(replace(resource, properties=properties))
        else:
            changed.append(resource)
    assert changed != resources
    return changed


def drop(name: str) -> Edit:
    return lambda properties: properties.pop(name)


def put(**values: object) -> Edit:
    return lambda properties: properties.update(values)


def statement(**values: object) -> Edit:
    def edit(properties: dict[str, Any]) -> None:
        document = json.loads(properties["policy"])
        document["Statement"].append({"Effect": "Allow", **values})
        properties["policy"] = json.dumps(document)

    return edit


def document(name: str, change: Callable[[Any], None]) -> Edit:
    def edit(properties: dict[str, Any]) -> None:
        held = json.loads(properties[name])
        change(held)
        properties[name] = json.dumps(held)

    return edit


def no_thresholds(pipeline: Any) -> None:
    for step in every_step(pipeline["Steps"]):
        if step["Name"] == "Evaluate":
            step["Arguments"]["AppSpecification"]["ContainerArguments"] = ["evaluate", "--floor", "base-rate"]


def every_step(steps: Any) -> Iterator[Any]:
    """The steps of a pipeline, those inside conditions too."""
    for step in steps:
        yield step
        for inner in ("IfSteps", "ElseSteps"):
            yield from every_step(step.get("Arguments", {}).get(inner, ()))


def half_at_once(plan: Any) -> None:
    plan["ladder"] = plan["ladder"][3:]


EDITS: Mapping[str, tuple[str, str, Edit, set[str]]] = {
    "the key of the endpoint is removed": (
        *("EndpointConfiguration", "endpoint-base", drop("kmsKeyArn")),
        {"HEADWAY-ENC-001"},
    ),
    "a role may do everything": (
        *("RolePolicy", "endpoint-serving", statement(Action="*", Resource="*")),
        {"HEADWAY-IAM-001", "HEADWAY-IAM-002", "HEADWAY-IAM-003", "HEADWAY-IAM-007"},
    ),
    "a bucket is public": (
        *("BucketPolicy", "data-policy"),
        statement(Principal="*", Action="s3:GetObject", Resource="arn:aws:s3:::fraud-foundation-data/*"),
        {"HEADWAY-PUB-003"},
    ),
    "the thresholds are emptied": (
        *("Pipeline", "training", document("pipelineDefinition", no_thresholds)),
        {"HEADWAY-CHG-002"},
    ),
    "the ladder begins with half of all": (
        *("Parameter", "release-plan", document("insecureValue", half_at_once)),
        {"HEADWAY-REL-002"},
    ),
    "an alarm watches the wrong variant": (
        *("MetricAlarm", "observability-errors"),
        lambda alarm: alarm["dimensions"].update(VariantName="AllTraffic"),
        {"HEADWAY-MON-001", "HEADWAY-MON-004"},
    ),
    "what is captured has no key": (
        *("EndpointConfiguration", "endpoint-base"),
        lambda config: config["dataCaptureConfig"].pop("kmsKeyId"),
        {"HEADWAY-ENC-008"},
    ),
    "a log is kept for ever": (
        *("LogGroup", "endpoint-logs", drop("retentionInDays")),
        {"HEADWAY-RET-001"},
    ),
    "what is captured is kept for ever": (
        *("BucketLifecycleConfiguration", "capture-lifecycle"),
        lambda lifecycle: lifecycle.update(rules=lifecycle["rules"][:1]),
        # What is about people would then never be gone either.
        {"HEADWAY-PRV-004", "HEADWAY-RET-003"},
    ),
    "the image is somebody else's": (
        *("Model", "endpoint-model", put(primaryContainer={"image": "somebody/runtime:latest"})),
        {"HEADWAY-INT-002", "HEADWAY-INT-005"},
    ),
    "the table is not protected": (
        *("Table", "release-records", put(pointInTimeRecovery={"enabled": False})),
        {"HEADWAY-BKP-002"},
    ),
    "one machine is left": (
        *("EndpointConfiguration", "endpoint-base"),
        lambda config: config["productionVariants"][0].update(initialInstanceCount=1),
        {"HEADWAY-BKP-003"},
    ),
}


@pytest.mark.parametrize("name", sorted(EDITS))
def test_an_edit_is_found_by_the_rules_that_it_breaks(name: str, stack: list[Resource]) -> None:
    type_, resource, edit, expected = EDITS[name]

    assert failing(edited(stack, type_, resource, edit)) - failing(stack) == expected
