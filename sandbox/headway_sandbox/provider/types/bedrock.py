"""Bedrock: guardrails and prompts."""

from __future__ import annotations

import json

from headway_sandbox.provider.table import Autoname, Call, Read, ResourceType, Step, Tagging, Wait
from headway_sandbox.provider.values import Properties, Value

_ABSENT = frozenset({"ResourceNotFoundException"})
# GetGuardrail names each policy and its lists without the suffix that requests have.
_POLICIES = {
    "contentPolicyConfig": ("filtersConfigs",),
    "contextualGroundingPolicyConfig": ("filtersConfigs",),
    "sensitiveInformationPolicyConfig": ("piiEntitiesConfigs", "regexesConfigs"),
    "topicPolicyConfig": ("topicsConfigs",),
    "wordPolicyConfig": ("managedWordListsConfigs", "wordsConfigs"),
}
_ANSWERED = {
    **{policy: policy.removesuffix("Config") for policy in _POLICIES},
    **{
        f"{policy}.{name}": name.removesuffix("Configs")
        for policy, names in _POLICIES.items()
        for name in names
    },
    "contentPolicyConfig.tierConfigs": "tier",
    "topicPolicyConfig.tierConfigs": "tier",
    "crossRegionConfig": "crossRegionDetails",
    "crossRegionConfig.guardrailProfileIdentifier": "guardrailProfileArn",
}
_SWITCHES = ("inputAction", "inputEnabled", "outputAction", "outputEnabled")


def _parse_guardrail_id(resource_id: str) -> Properties:
    """An import separates the version by a comma."""
    identifier, _, version = resource_id.replace(",", "__").partition("__")
    return {"guardrailId": identifier, "version": version or "DRAFT"}


GUARDRAIL = ResourceType(
    pulumi_type="aws:bedrock/guardrail:Guardrail",
    service="bedrock",
    id=("guardrailId", "version"),
    id_separator="__",
    identity={"guardrailIdentifier": "guardrailId"},
    create=Call("CreateGuardrail"),
    reads=(
        Read(
            "GetGuardrail",
            identity={"guardrailIdentifier": "guardrailId", "guardrailVersion": "version"},
            absent=_ABSENT,
            gone={"status": frozenset({"DELETING"})},
        ),
    ),
    listing=Read("ListGuardrails", at="guardrails", where={"id": "guardrailId", "version": "version"}),
    steps=(Step((), Call("UpdateGuardrail"), on_create=False),),
    delete=(Call("DeleteGuardrail"),),
    renames={**_ANSWERED, "kmsKeyArn": "kmsKeyId"},
    tagging=Tagging(
        "TagResource",
        "UntagResource",
        identity={"resourceARN": "guardrailArn"},
        read="ListTagsForResource",
        member="tags",
        keys="tagKeys",
    ),
    computed=frozenset(
        {
            "description",
            "contentPolicyConfig.tierConfigs",
            "topicPolicyConfig.tierConfigs",
            "topicPolicyConfig.topicsConfigs[].examples",
            *(
                f"{policy}.{name}[].{switch}"
                for policy, names in _POLICIES.items()
                if policy not in {"contextualGroundingPolicyConfig", "topicPolicyConfig"}
                for name in names
                for switch in _SWITCHES
            ),
        }
    ),
    local=frozenset({"timeouts"}),
    # GetGuardrail of the sandbox answers with the members of the request, which are others.
    forgotten=frozenset({*_POLICIES, "crossRegionConfig"}),
    volatile=frozenset({"updatedAt"}),
    waits=(
        Wait(
            "status",
            pending=frozenset({"CREATING", "UPDATING", "VERSIONING"}),
            target=frozenset({"READY"}),
            dead=frozenset({"FAILED"}),
            timeout_s=300.0,
        ),
    ),
    wait_deleted=True,
    autoname=Autoname(max_length=50),
    parse_id=_parse_guardrail_id,
)

_DOCUMENTS = ("additionalModelRequestFields", "json")


def _parsed(value: Value) -> Value:
    """The inputs with the JSON texts inside as the documents that the requests take."""
    match value:
        case dict():
            return {
                name: json.loads(item) if name in _DOCUMENTS and isinstance(item, str) else _parsed(item)
                for name, item in value.items()
            }
        case list():
            return [_parsed(item) for item in value]
    return value


def _printed(value: Value) -> Value:
    """The answer with the documents inside as JSON texts."""
    match value:
        case dict():
            return {
                name: json.dumps(item, sort_keys=True) if name in _DOCUMENTS else _printed(item)
                for name, item in value.items()
            }
        case list():
            return [_printed(item) for item in value]
    return value


def _documents(inputs: Properties) -> Properties:
    found: Properties = _parsed(inputs)
    return found


def _texts(answer: Properties) -> Properties:
    found: Properties = _printed(answer)
    return found


AGENT_PROMPT = ResourceType(
    pulumi_type="aws:bedrock/agentPrompt:AgentPrompt",
    service="bedrock-agent",
    id=("id",),
    id_member="id",
    identity={"promptIdentifier": "id"},
    create=Call("CreatePrompt", fold=_documents),
    reads=(Read("GetPrompt", absent=_ABSENT, decode=_texts),),
    listing=Read("ListPrompts", at="promptSummaries", where={"id": "id"}),
    steps=(Step((), Call("UpdatePrompt", fold=_documents), on_create=False),),
    delete=(Call("DeletePrompt"),),
    tagging=Tagging(
        "TagResource",
        "UntagResource",
        identity={"resourceArn": "arn"},
        read="ListTagsForResource",
        member="tags",
        keys="tagKeys",
    ),
    volatile=frozenset({"updatedAt"}),
    autoname=Autoname(max_length=100),
)

TYPES = (GUARDRAIL, AGENT_PROMPT)
