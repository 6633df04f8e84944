"""CloudTrail: trails and what they record."""

from __future__ import annotations

import operator

from headway_sandbox.provider.table import Autoname, Call, Read, ResourceType, Step, Tagging
from headway_sandbox.provider.values import Properties

_TRAIL = {"Name": "arn", "TrailName": "arn"}
_SELECTORS = ("eventSelectors", "advancedEventSelectors")
_STANDARD = [{"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": []}]


def _trail_of(resource_id: str) -> Properties:
    return {"arn": resource_id, "name": resource_id.rsplit("/", 1)[-1]}


def _selectors(answer: Properties) -> Properties:
    """A trail that nobody gave selectors has AWS's own, which are no property."""
    if answer.get("EventSelectors") in (None, _STANDARD):
        return {name: value for name, value in answer.items() if name != "EventSelectors"}
    return answer


_UPDATED = (
    "s3BucketName",
    "s3KeyPrefix",
    "snsTopicName",
    "includeGlobalServiceEvents",
    "isMultiRegionTrail",
    "enableLogFileValidation",
    "cloudWatchLogsGroupArn",
    "cloudWatchLogsRoleArn",
    "kmsKeyId",
    "isOrganizationTrail",
)

TRAIL = ResourceType(
    pulumi_type="aws:cloudtrail/trail:Trail",
    service="cloudtrail",
    id=("arn",),
    identity=_TRAIL,
    create=Call("CreateTrail"),
    reads=(
        Read(
            "DescribeTrails",
            at="trailList",
            where={"TrailARN": "arn"},
            identity={"trailNameList": "arn"},
            absent=frozenset({"TrailNotFoundException"}),
        ),
        Read("GetTrailStatus", only=("enableLogging",)),
        Read("GetEventSelectors", only=_SELECTORS, unfold=_selectors),
    ),
    steps=(
        Step(_UPDATED, Call("UpdateTrail"), on_create=False),
        Step(
            _SELECTORS,
            Call("PutEventSelectors"),
            Call("PutEventSelectors", constants={"EventSelectors": _STANDARD}),
        ),
        Step(("insightSelectors",), Call("PutInsightSelectors")),
        Step(("enableLogging",), Call("StartLogging"), when=bool, initial=False),
        Step(("enableLogging",), Call("StopLogging"), when=operator.not_, initial=False),
    ),
    delete=(Call("DeleteTrail"),),
    renames={
        "arn": "TrailARN",
        "cloudWatchLogsGroupArn": "CloudWatchLogsLogGroupArn",
        "enableLogFileValidation": "LogFileValidationEnabled",
        "enableLogging": "IsLogging",
        "tags": "TagsList",
    },
    tagging=Tagging(
        "AddTags",
        "RemoveTags",
        identity={"ResourceId": "arn", "ResourceIdList": "arn"},
        read="ListTags",
        member="TagsList",
        read_member="ResourceTagList[].TagsList",
        keys="TagsList",
        # CreateTrail of the sandbox does not keep the tags that it gets.
        on_create=True,
    ),
    force_new=frozenset({"name"}),
    defaults={
        "enableLogFileValidation": False,
        "enableLogging": True,
        "includeGlobalServiceEvents": True,
        "isMultiRegionTrail": False,
        "isOrganizationTrail": False,
        "eventSelectors[].includeManagementEvents": True,
        "eventSelectors[].readWriteType": "All",
    },
    # DescribeTrails of the sandbox leaves these out.
    forgotten=frozenset({"cloudWatchLogsGroupArn", "cloudWatchLogsRoleArn"}),
    derived={"arn": "arn:{partition}:cloudtrail:{region}:{account}:trail/{name}"},
    lacks={"insightSelectors": "cloudtrail:PutInsightSelectors"},
    autoname=Autoname(max_length=128),
    exclusive=(_SELECTORS,),
    parse_id=_trail_of,
)

TYPES = (TRAIL,)
