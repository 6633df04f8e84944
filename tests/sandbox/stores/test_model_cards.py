"""Model cards, task templates and flow definitions through unmodified boto3."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headway_sandbox.sagemaker import model_cards
from support.control import ROLE, Cloud, refused, unique

CARD: dict[str, Any] = {
    "model_overview": {"model_description": "Late or not", "model_version": 2, "algorithm_type": "Trees"},
    "intended_uses": {"purpose_of_model": "Plan connections", "risk_rating": "Low"},
    "training_details": {"training_observations": "A year of flights"},
    "evaluation_details": [
        {
            "name": "autumn",
            "metric_groups": [
                {"name": "quality", "metric_data": [{"name": "auc", "type": "number", "value": 0.69}]}
            ],
        }
    ],
    "additional_information": {"custom_details": {"owner": "flights"}},
}


def test_the_schema_is_the_published_one_in_the_spelling_of_cards() -> None:
    manager = pytest.importorskip("cfnlint.schema").PROVIDER_SCHEMA_MANAGER
    published = manager.get_resource_schema("us-east-1", "AWS::SageMaker::ModelCard").schema["definitions"]
    schema = json.loads(Path(model_cards.__file__).with_name("model_card_schema.json").read_text())

    def snake(name: str) -> str:
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()

    def spelled(node: Any) -> Any:
        if isinstance(node, list):
            return [spelled(item) for item in node]
        if not isinstance(node, dict):
            return node
        texts = {"description", "insertionOrder", "default"}
        kept = {key: value for key, value in node.items() if key not in texts or isinstance(value, dict)}
        changed: dict[str, Callable[[Any], Any]] = {
            "properties": lambda value: {snake(name): spelled(item) for name, item in value.items()},
            "required": lambda value: [snake(name) for name in value],
        }
        return {key: changed.get(key, spelled)(value) for key, value in kept.items()}

    for name, definition in schema["definitions"].items():
        assert definition == spelled(published[name]), name
    assert schema["properties"] == spelled(published["Content"])["properties"]


def test_a_card_has_a_version_for_each_content(cloud: Cloud) -> None:
    sagemaker, name = cloud.sagemaker, unique("card")
    arn = sagemaker.create_model_card(
        ModelCardName=name,
        Content=json.dumps(CARD),
        ModelCardStatus="Draft",
        Tags=[{"Key": "team", "Value": "flights"}],
    )["ModelCardArn"]
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "flights"}]
    create = {"ModelCardName": name, "Content": "{}", "ModelCardStatus": "Draft"}
    assert refused(sagemaker.create_model_card, **create)[0] == "ConflictException"

    changed = json.dumps({**CARD, "intended_uses": {"risk_rating": "Medium"}})
    sagemaker.update_model_card(ModelCardName=arn, Content=changed)
    sagemaker.update_model_card(ModelCardName=name, ModelCardStatus="Approved")
    both = {"ModelCardName": name, "Content": "{}", "ModelCardStatus": "Draft"}
    assert refused(sagemaker.update_model_card, **both)[0] == "ValidationException"

    newest = sagemaker.describe_model_card(ModelCardName=name)
    assert (newest["ModelCardVersion"], newest["Content"], newest["ModelCardStatus"]) == (
        2,
        changed,
        "Approved",
    )
    first = sagemaker.describe_model_card(ModelCardName=name, ModelCardVersion=1)
    assert (json.loads(first["Content"]), first["ModelCardStatus"]) == (CARD, "Draft")
    versions = sagemaker.list_model_card_versions(ModelCardName=name)["ModelCardVersionSummaryList"]
    assert [(item["ModelCardVersion"], item["ModelCardStatus"]) for item in versions] == [
        (2, "Approved"),
        (1, "Draft"),
    ]
    listed = sagemaker.list_model_cards(NameContains=name, ModelCardStatus="Approved")["ModelCardSummaries"]
    assert [item["ModelCardName"] for item in listed] == [name]
    sagemaker.update_model_card(ModelCardName=name, ModelCardStatus="Archived")
    code, _ = refused(sagemaker.update_model_card, ModelCardName=name, Content="{}")
    assert code == "ConflictException"
    sagemaker.delete_model_card(ModelCardName=name)
    assert refused(sagemaker.describe_model_card, ModelCardName=name)[0] == "ResourceNotFound"


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("not json", ["is not JSON"]),
        ("[]", ["the document", "object"]),
        (
            json.dumps(
                {
                    "model_overview": {"model_version": 0, "colour": "red"},
                    "intended_uses": {"risk_rating": "Huge"},
                }
            ),
            ["model_overview.model_version", "'colour'", "intended_uses.risk_rating", "'Huge'"],
        ),
    ],
)
def test_content_that_is_no_card_is_refused_with_every_reason(
    cloud: Cloud, content: str, parts: list[str]
) -> None:
    code, message = refused(
        cloud.sagemaker.create_model_card,
        ModelCardName=unique("card"),
        Content=content,
        ModelCardStatus="Draft",
    )

    assert code == "ValidationException"
    for part in parts:
        assert part in message


def test_an_export_is_refused_by_name(cloud: Cloud) -> None:
    code, message = refused(
        cloud.sagemaker.create_model_card_export_job,
        ModelCardName="card",
        ModelCardExportJobName="job",
        OutputConfig={"S3OutputPath": "s3://b/x"},
    )

    assert (code, "CreateModelCardExportJob" in message) == ("UnknownOperationException", True)


def test_flow_definitions_and_their_templates_are_kept(cloud: Cloud) -> None:
    sagemaker, name = cloud.sagemaker, unique("review")
    ui = sagemaker.create_human_task_ui(HumanTaskUiName=name, UiTemplate={"Content": "<p>ok?</p>"})[
        "HumanTaskUiArn"
    ]
    request = {
        "FlowDefinitionName": name,
        "HumanLoopConfig": {
            "WorkteamArn": "arn:aws:sagemaker:us-east-1:000000000000:workteam/private-crowd/flights",
            "HumanTaskUiArn": ui,
            "TaskTitle": "Late?",
            "TaskDescription": "Say whether it was late",
            "TaskCount": 1,
        },
        "OutputConfig": {"S3OutputPath": "s3://b/reviews"},
        "RoleArn": ROLE,
    }
    sagemaker.create_flow_definition(**request)

    described = sagemaker.describe_flow_definition(FlowDefinitionName=name)
    assert request.items() <= described.items()
    assert described["FlowDefinitionStatus"] == "Active"
    assert len(sagemaker.describe_human_task_ui(HumanTaskUiName=name)["UiTemplate"]["ContentSha256"]) == 64
    assert name in {
        item["FlowDefinitionName"] for item in sagemaker.list_flow_definitions()["FlowDefinitionSummaries"]
    }
    assert name in {
        item["HumanTaskUiName"] for item in sagemaker.list_human_task_uis()["HumanTaskUiSummaries"]
    }
    assert refused(sagemaker.create_flow_definition, **request)[0] == "ResourceInUse"
    sagemaker.delete_flow_definition(FlowDefinitionName=name)
    sagemaker.delete_human_task_ui(HumanTaskUiName=name)
    assert refused(sagemaker.describe_flow_definition, FlowDefinitionName=name)[0] == "ResourceNotFound"
    code, message = refused(sagemaker.create_flow_definition, **request)
    assert (code, ui in message) == ("ValidationException", True)
