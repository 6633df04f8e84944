"""Athena: workgroups."""

from __future__ import annotations

from headway_sandbox.provider.table import Autoname, Call, Read, ResourceType, Step, Tagging
from headway_sandbox.provider.values import Properties

_ENABLED, _DISABLED = "ENABLED", "DISABLED"
# What leaves a result configuration is named as removed.
_REMOVABLE = {
    "aclConfiguration": "RemoveAclConfiguration",
    "encryptionConfiguration": "RemoveEncryptionConfiguration",
    "expectedBucketOwner": "RemoveExpectedBucketOwner",
    "outputLocation": "RemoveOutputLocation",
}


def _updates(inputs: Properties) -> Properties:
    """An update says what it removes; the identity centre is chosen at creation only."""
    configuration = inputs.get("configuration")
    if configuration is None:
        return inputs
    result = configuration.get("resultConfiguration") or {}
    removed = {member: True for name, member in _REMOVABLE.items() if result.get(name) is None}
    updates: Properties = {"ResultConfigurationUpdates": removed}
    if not configuration.get("bytesScannedCutoffPerQuery"):
        updates["RemoveBytesScannedCutoffPerQuery"] = True
    kept = {name: value for name, value in configuration.items() if name != "identityCenterConfiguration"}
    return {**inputs, "configuration": kept, "ConfigurationUpdates": updates}


def _recursive(state: Properties) -> Properties:
    return {**state, "RecursiveDeleteOption": state.get("forceDestroy") is True}


_CONFIGURATION = ("enforceWorkgroupConfiguration", "publishCloudwatchMetricsEnabled")

WORKGROUP = ResourceType(
    pulumi_type="aws:athena/workgroup:Workgroup",
    service="athena",
    id=("name",),
    identity={"WorkGroup": "name"},
    create=Call("CreateWorkGroup"),
    # Athena says in general words that a workgroup is not there.
    reads=(Read("GetWorkGroup", at="WorkGroup", absent_text=("is not found", "not found")),),
    steps=(
        Step(("configuration", "description"), Call("UpdateWorkGroup", fold=_updates), on_create=False),
        Step(("state",), Call("UpdateWorkGroup"), when=lambda state: state == _DISABLED),
        Step(("state",), Call("UpdateWorkGroup"), when=lambda state: state == _ENABLED, initial=_ENABLED),
    ),
    delete=(Call("DeleteWorkGroup", only=(), fold=_recursive),),
    renames={
        "configuration": "ConfigurationUpdates",
        "configuration.resultConfiguration": "ResultConfigurationUpdates",
        "configuration.resultConfiguration.encryptionConfiguration.kmsKeyArn": "KmsKey",
        "configuration.managedQueryResultsConfiguration": "ManagedQueryResultsConfigurationUpdates",
    },
    tagging=Tagging(
        "TagResource", "UntagResource", identity={"ResourceARN": "arn"}, read="ListTagsForResource"
    ),
    force_new=frozenset({"name"}),
    defaults={
        "forceDestroy": False,
        "state": _ENABLED,
        **{f"configuration.{name}": True for name in _CONFIGURATION},
        "configuration.requesterPaysEnabled": False,
        "configuration.engineVersion.selectedEngineVersion": "AUTO",
    },
    computed=frozenset({"configuration", "configuration.engineVersion"}),
    local=frozenset({"forceDestroy"}),
    derived={"arn": "arn:{partition}:athena:{region}:{account}:workgroup/{name}"},
    autoname=Autoname(max_length=128),
)

TYPES = (WORKGROUP,)
