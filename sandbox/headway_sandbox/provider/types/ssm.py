"""Systems Manager: parameters."""

from __future__ import annotations

from collections.abc import Mapping

from headway_sandbox.provider.table import Autoname, Call, Read, ResourceType, Step, Tagging
from headway_sandbox.provider.values import Properties

_ADVANCED, _STANDARD, _SECURE = "Advanced", "Standard", "SecureString"


def _value(inputs: Properties) -> Properties:
    """The value may come as a plain or a write-only input; a key is only for values that are encrypted."""
    given = (inputs.get(name) for name in ("value", "insecureValue", "valueWo"))
    value = next((item for item in given if item is not None), None)
    kept = {name: item for name, item in inputs.items() if name not in {"value", "insecureValue", "valueWo"}}
    if inputs.get("type") != _SECURE:
        kept.pop("keyId", None)
    return {**kept, "Value": value}


def _tier_drops(olds: Mapping[str, object], news: Mapping[str, object]) -> bool:
    return olds.get("tier") == _ADVANCED and news.get("tier") == _STANDARD


PARAMETER = ResourceType(
    pulumi_type="aws:ssm/parameter:Parameter",
    service="ssm",
    id=("name",),
    identity={"Name": "name"},
    create=Call("PutParameter", only=None),
    reads=(
        Read(
            "GetParameter",
            at="Parameter",
            constants={"WithDecryption": True},
            absent=frozenset({"ParameterNotFound"}),
        ),
        Read("DescribeParameters", at="Parameters", where={"Name": "name"}, identity={}),
    ),
    steps=(Step((), Call("PutParameter", constants={"Overwrite": True}), on_create=False),),
    delete=(Call("DeleteParameter"),),
    tagging=Tagging(
        "AddTagsToResource",
        "RemoveTagsFromResource",
        identity={"ResourceId": "name"},
        constants={"ResourceType": "Parameter"},
        read="ListTagsForResource",
        read_member="TagList",
    ),
    force_new=frozenset({"dataType", "name"}),
    replace_when={"tier": _tier_drops},
    computed=frozenset({"arn", "dataType", "keyId", "tier", "insecureValue"}),
    write_only=frozenset({"valueWo", "insecureValue"}),
    local=frozenset({"arn", "valueWoVersion"}),
    volatile=frozenset({"version"}),
    autoname=Autoname(max_length=255),
    exclusive=(("value", "insecureValue", "valueWo"),),
    one_of=(("value", "insecureValue", "valueWo"),),
    folded=frozenset({"value", "insecureValue", "valueWo"}),
    fold=_value,
)

TYPES = (PARAMETER,)
