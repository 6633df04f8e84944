"""Glue's catalogue, Athena's workgroups, Bedrock's guardrails and prompts, quotas, policies of keys."""

from __future__ import annotations

import json
from typing import Any

from support.round_trip.case import Case

GLUE = "aws:glue/"


def _glue_database(client: Any, _id: str, outputs: Any) -> None:
    client("glue").update_database(
        Name=outputs["name"], DatabaseInput={"Name": outputs["name"], "Description": "other"}
    )


def _glue_table(client: Any, _id: str, outputs: Any) -> None:
    client("glue").update_table(
        DatabaseName=outputs["databaseName"],
        TableInput={
            "Name": outputs["name"],
            "Description": "other",
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"classification": "parquet"},
            "StorageDescriptor": {"Columns": [{"Name": "a", "Type": "string"}], "Location": "s3://t/a/"},
        },
    )


def _workgroup(client: Any, resource_id: str, _outputs: Any) -> None:
    client("athena").update_work_group(WorkGroup=resource_id, Description="other")


def _guardrail(client: Any, _id: str, outputs: Any) -> None:
    client("bedrock").update_guardrail(
        guardrailIdentifier=outputs["guardrailId"],
        name=outputs["name"],
        blockedInputMessaging="other",
        blockedOutputsMessaging=outputs["blockedOutputsMessaging"],
    )


def _prompt(client: Any, resource_id: str, outputs: Any) -> None:
    client("bedrock-agent").update_prompt(
        promptIdentifier=resource_id, name=outputs["name"], description="other"
    )


def _key(client: Any, resource_id: str, _outputs: Any) -> None:
    client("kms").update_key_description(KeyId=resource_id, Description="other")


def _key_policy(client: Any, resource_id: str, _outputs: Any) -> None:
    client("kms").put_key_policy(KeyId=resource_id, PolicyName="default", Policy=_all("Other"))


def _all(sid: str) -> str:
    statement = {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::000000000000:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _variant(text: str) -> dict[str, Any]:
    return {
        "name": "first",
        "template_type": "TEXT",
        "model_id": "anthropic.claude-3-haiku-20240307-v1:0",
        "template_configuration": {"text": {"text": text, "input_variables": [{"name": "question"}]}},
        "inference_configuration": {"text": {"max_tokens": 100, "temperature": 0.5}},
    }


CASES = (
    Case(
        "database",
        f"{GLUE}catalogDatabase:CatalogDatabase",
        lambda _: {"description": "one", "parameters": {"n": "1"}, "tags": {"n": "1", "gone": "1"}},
        changed=lambda _: {"description": "two", "parameters": {"n": "2"}, "tags": {"n": "2"}},
        outside=_glue_database,
    ),
    Case(
        "otherDatabase",
        f"{GLUE}catalogDatabase:CatalogDatabase",
        lambda _: {"name": "one"},
        replaced=lambda _: {"name": "two"},
    ),
    Case(
        "table",
        f"{GLUE}catalogTable:CatalogTable",
        lambda made: {
            "database_name": made.database.name,
            "name": "features",
            "table_type": "EXTERNAL_TABLE",
            "parameters": {"classification": "parquet"},
            "partition_keys": [{"name": "year", "type": "string"}],
            "storage_descriptor": {
                "location": "s3://t/a/",
                "columns": [{"name": "a", "type": "string"}],
                "ser_de_info": {"serialization_library": "parquet", "parameters": {"a": "1"}},
            },
        },
        changed=lambda _: {"parameters": {"classification": "json"}, "description": "two"},
        replaced=lambda _: {"name": "other"},
        outside=_glue_table,
    ),
    Case(
        "workgroup",
        "aws:athena/workgroup:Workgroup",
        lambda _: {
            "name": "one",
            "description": "one",
            "configuration": {
                "result_configuration": {
                    "output_location": "s3://results/",
                    "encryption_configuration": {"encryption_option": "SSE_S3"},
                },
                "bytes_scanned_cutoff_per_query": 10485760,
            },
            "tags": {"n": "1", "gone": "1"},
        },
        changed=lambda _: {
            "state": "DISABLED",
            "configuration": {
                "result_configuration": {"output_location": "s3://other/"},
                "bytes_scanned_cutoff_per_query": 20971520,
            },
            "tags": {"n": "2"},
        },
        replaced=lambda _: {"name": "two"},
        outside=_workgroup,
    ),
    Case(
        "guardrail",
        "aws:bedrock/guardrail:Guardrail",
        lambda _: {
            "blocked_input_messaging": "no",
            "blocked_outputs_messaging": "no",
            "content_policy_config": {
                "filters_configs": [{"type": "HATE", "input_strength": "HIGH", "output_strength": "HIGH"}]
            },
            "sensitive_information_policy_config": {
                "pii_entities_configs": [{"type": "EMAIL", "action": "ANONYMIZE"}]
            },
            "tags": {"n": "1", "gone": "1"},
        },
        changed=lambda _: {
            "blocked_input_messaging": "never",
            "word_policy_config": {"words_configs": [{"text": "x"}]},
            "tags": {"n": "2"},
        },
        outside=_guardrail,
    ),
    Case(
        "prompt",
        "aws:bedrock/agentPrompt:AgentPrompt",
        lambda _: {
            "description": "one",
            "default_variant": "first",
            "variants": [_variant("Answer {{question}}")],
            "tags": {"n": "1", "gone": "1"},
        },
        changed=lambda _: {"variants": [_variant("Say {{question}}")], "tags": {"n": "2"}},
        outside=_prompt,
    ),
    Case(
        "key",
        "aws:kms/key:Key",
        lambda _: {"deletion_window_in_days": 7, "description": "one", "tags": {"n": "1", "gone": "1"}},
        changed=lambda _: {"description": "two", "enable_key_rotation": True, "tags": {"n": "2"}},
        outside=_key,
    ),
    Case(
        "otherKey",
        "aws:kms/key:Key",
        lambda _: {"deletion_window_in_days": 7},
        replaced=lambda _: {"multi_region": True},
    ),
    Case(
        "keyPolicy",
        "aws:kms/keyPolicy:KeyPolicy",
        lambda made: {"key_id": made.key.key_id, "policy": _all("One")},
        changed=lambda _: {"policy": _all("Two")},
        replaced=lambda made: {"key_id": made.otherKey.key_id},
        outside=_key_policy,
    ),
)
