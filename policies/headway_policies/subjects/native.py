"""Resources of the Cloud Control API, seen as the types that they declare.

pulumi-aws has no class for some SageMaker types (inference experiment, model quality, bias and
explainability job definition). They are declared as `aws:cloudcontrol/resource:Resource` or with the
provider `aws-native`; the rules read both in one spelling, that of `aws-native`.
"""

import json
from collections.abc import Mapping

from headway_policies.resource import UNKNOWN, NotKnownError, Resource

CLOUD_CONTROL = "aws:cloudcontrol/resource:Resource"
OPEN_MAPS = frozenset(
    {"Environment", "HyperParameters", "StaticHyperParameters", "CustomerMetadataProperties"}
)
"""Maps whose keys are the user's own words, which nobody may rename."""


def seen(resource: Resource) -> Resource:
    """The resource itself, or for a resource of the Cloud Control API the resource that it declares.

    Raises:
        NotKnownError: Its type or its desired state is not known yet.
    """
    if resource.type != CLOUD_CONTROL:
        return resource
    kind = resource.text("typeName") or ""
    state = resource.value("desiredState")
    if state is UNKNOWN:
        raise NotKnownError("desiredState")
    if isinstance(state, str):
        try:
            state = json.loads(state)
        except ValueError:
            state = {}
    properties = _lowered(state)
    made_of = resource.references.get("desiredState", frozenset())
    names = properties if isinstance(properties, Mapping) else {}
    return Resource(
        type="aws-native:" + ":".join(_service(part) for part in kind.split("::")[1:]),
        name=resource.name,
        urn=resource.urn,
        properties=names,
        references=dict.fromkeys(names, made_of) if made_of else {},
    )


def lowered(name: str) -> str:
    """AWS writes `KmsKeyId` where a provider of Pulumi writes `kmsKeyId`."""
    return name[:1].lower() + name[1:]


def _service(part: str) -> str:
    return part.lower() if part.isupper() or part in {"SageMaker", "Bedrock", "BedrockAgentCore"} else part


def _lowered(value: object) -> object:
    if isinstance(value, Mapping):
        return {
            lowered(name): {**item} if name in OPEN_MAPS and isinstance(item, Mapping) else _lowered(item)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_lowered(item) for item in value]
    return value
