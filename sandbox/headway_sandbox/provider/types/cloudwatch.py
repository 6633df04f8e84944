"""CloudWatch alarms and dashboards, log groups, EventBridge rules: one module in pulumi-aws."""

from __future__ import annotations

import operator

from headway_sandbox.provider.table import Autoname, Call, Read, ResourceType, Step, Tagging
from headway_sandbox.provider.values import Properties

_DEFAULT_BUS = "default"
_ACTIONS = frozenset({"alarmActions", "okActions", "insufficientDataActions"})


def _log_group_arn(answer: Properties) -> Properties:
    """Log group ARNs come with ``:*`` for the streams, which other services do not take."""
    return {**answer, "arn": str(answer.get("arn", "")).removesuffix(":*")}


def _rule_state(inputs: Properties) -> Properties:
    """The deprecated flag stands for two of the states."""
    flag = inputs.get("isEnabled")
    if flag is None or inputs.get("state") is not None:
        return inputs
    return {**inputs, "state": "ENABLED" if flag else "DISABLED"}


def _forced(inputs: Properties) -> Properties:
    return {**inputs, "Force": True} if inputs.get("forceDestroy") is True else inputs


def _rule_id(properties: Properties) -> str:
    bus = properties.get("eventBusName", _DEFAULT_BUS)
    return str(properties["name"]) if bus == _DEFAULT_BUS else f"{bus}/{properties['name']}"


def _parse_rule_id(resource_id: str) -> Properties:
    bus, separator, name = resource_id.rpartition("/")
    return {"name": name, "eventBusName": bus if separator else _DEFAULT_BUS}


def _target_id(properties: Properties) -> str:
    bus = properties.get("eventBusName", _DEFAULT_BUS)
    prefix = "" if bus == _DEFAULT_BUS else f"{bus}-"
    return f"{prefix}{properties['rule']}-{properties['targetId']}"


def _parse_target_id(resource_id: str) -> Properties:
    """An import names rule and target with slashes; the state's id says nothing more than the state."""
    parts = resource_id.split("/")
    if len(parts) == 1:
        return {}
    return {
        "rule": parts[-2],
        "targetId": parts[-1],
        "eventBusName": parts[0] if len(parts) > 2 else _DEFAULT_BUS,
    }


_BY_ARN = {"ResourceARN": "arn"}
_ALARM_TAGS = Tagging("TagResource", "UntagResource", identity=_BY_ARN, read="ListTagsForResource")
_METRIC = "metricQueries[].metric"

LOG_GROUP = ResourceType(
    pulumi_type="aws:cloudwatch/logGroup:LogGroup",
    service="logs",
    id=("name",),
    identity={"logGroupName": "name"},
    create=Call("CreateLogGroup"),
    reads=(
        Read(
            "DescribeLogGroups",
            at="logGroups",
            where={"logGroupName": "name"},
            identity={"logGroupNamePrefix": "name"},
            absent=frozenset({"ResourceNotFoundException"}),
            unfold=_log_group_arn,
        ),
    ),
    steps=(
        Step(("retentionInDays",), Call("PutRetentionPolicy"), when=bool),
        Step(("retentionInDays",), Call("DeleteRetentionPolicy"), when=operator.not_, initial=0),
        Step(("kmsKeyId",), Call("AssociateKmsKey"), Call("DisassociateKmsKey"), on_create=False),
        Step(
            ("deletionProtectionEnabled",),
            Call("PutLogGroupDeletionProtection", identity={"logGroupIdentifier": "name"}),
            on_create=False,
        ),
    ),
    delete=(Call("DeleteLogGroup"),),
    renames={"name": "logGroupName"},
    tagging=Tagging(
        "TagResource",
        "UntagResource",
        identity={"resourceArn": "arn"},
        read="ListTagsForResource",
        member="tags",
        keys="tagKeys",
    ),
    force_new=frozenset({"logGroupClass", "name", "namePrefix"}),
    defaults={"retentionInDays": 0, "skipDestroy": False},
    computed=frozenset({"logGroupClass", "deletionProtectionEnabled"}),
    local=frozenset({"skipDestroy", "namePrefix"}),
    keep=lambda state: state.get("skipDestroy") is True,
    autoname=Autoname(max_length=255),
    exclusive=(("name", "namePrefix"),),
)

METRIC_ALARM = ResourceType(
    pulumi_type="aws:cloudwatch/metricAlarm:MetricAlarm",
    service="cloudwatch",
    id=("name",),
    identity={"AlarmName": "name"},
    create=Call("PutMetricAlarm"),
    reads=(
        Read(
            "DescribeAlarms",
            at="MetricAlarms",
            where={"AlarmName": "name"},
            identity={"AlarmNames": "name"},
            constants={"AlarmTypes": ["MetricAlarm"]},
        ),
    ),
    steps=(Step((), Call("PutMetricAlarm"), on_create=False),),
    delete=(Call("DeleteAlarms", identity={"AlarmNames": "name"}),),
    renames={
        "name": "AlarmName",
        "arn": "AlarmArn",
        "metricQueries": "Metrics",
        _METRIC: "MetricStat",
        f"{_METRIC}.metricName": "Metric.MetricName",
        f"{_METRIC}.namespace": "Metric.Namespace",
        f"{_METRIC}.dimensions": "Metric.Dimensions",
    },
    tagging=_ALARM_TAGS,
    force_new=frozenset({"name"}),
    defaults={"actionsEnabled": True, "treatMissingData": "missing", "metricQueries[].returnData": False},
    computed=frozenset({"evaluateLowSampleCountPercentiles"}),
    lacks={"metricQueries[].expression": "an evaluation of metric math"},
    # The sandbox leaves the queries out of its answers.
    write_only=frozenset({"metricQueries"}),
    sets=_ACTIONS | {"metricQueries"},
    autoname=Autoname(max_length=255),
)

COMPOSITE_ALARM = ResourceType(
    pulumi_type="aws:cloudwatch/compositeAlarm:CompositeAlarm",
    service="cloudwatch",
    id=("alarmName",),
    identity={"AlarmName": "alarmName"},
    create=Call("PutCompositeAlarm"),
    reads=(
        Read(
            "DescribeAlarms",
            at="CompositeAlarms",
            where={"AlarmName": "alarmName"},
            identity={"AlarmNames": "alarmName"},
            constants={"AlarmTypes": ["CompositeAlarm"]},
        ),
    ),
    steps=(Step((), Call("PutCompositeAlarm"), on_create=False),),
    delete=(Call("DeleteAlarms", identity={"AlarmNames": "alarmName"}),),
    renames={
        "arn": "AlarmArn",
        "actionsSuppressor": ".",
        "actionsSuppressor.alarm": "ActionsSuppressor",
        "actionsSuppressor.extensionPeriod": "ActionsSuppressorExtensionPeriod",
        "actionsSuppressor.waitPeriod": "ActionsSuppressorWaitPeriod",
    },
    tagging=_ALARM_TAGS,
    force_new=frozenset({"actionsEnabled", "alarmName"}),
    defaults={"actionsEnabled": True},
    sets=_ACTIONS,
)

DASHBOARD = ResourceType(
    pulumi_type="aws:cloudwatch/dashboard:Dashboard",
    service="cloudwatch",
    id=("dashboardName",),
    identity={"DashboardName": "dashboardName"},
    create=Call("PutDashboard"),
    reads=(
        Read(
            "GetDashboard",
            absent=frozenset({"ResourceNotFound", "DashboardNotFoundError", "ResourceNotFoundException"}),
        ),
    ),
    steps=(Step(("dashboardBody",), Call("PutDashboard"), on_create=False),),
    delete=(Call("DeleteDashboards", identity={"DashboardNames": "dashboardName"}),),
    force_new=frozenset({"dashboardName"}),
    json=frozenset({"dashboardBody"}),
)

_RULE = {"Name": "name", "EventBusName": "eventBusName"}
_RULE_GONE = frozenset({"ResourceNotFoundException"})

EVENT_RULE = ResourceType(
    pulumi_type="aws:cloudwatch/eventRule:EventRule",
    service="events",
    id=("name",),
    identity=_RULE,
    create=Call("PutRule"),
    reads=(Read("DescribeRule", absent=_RULE_GONE),),
    steps=(Step((), Call("PutRule"), on_create=False),),
    delete=(Call("DeleteRule", only=(), fold=_forced),),
    renames={"arn": "RuleArn"},
    tagging=Tagging("TagResource", "UntagResource", identity=_BY_ARN, read="ListTagsForResource"),
    force_new=frozenset({"eventBusName", "name", "namePrefix"}),
    defaults={"eventBusName": _DEFAULT_BUS, "forceDestroy": False},
    computed=frozenset({"state", "isEnabled"}),
    json=frozenset({"eventPattern"}),
    local=frozenset({"forceDestroy", "isEnabled", "namePrefix"}),
    autoname=Autoname(max_length=64),
    exclusive=(("name", "namePrefix"), ("state", "isEnabled")),
    one_of=(("eventPattern", "scheduleExpression"),),
    fold=_rule_state,
    make_id=_rule_id,
    parse_id=_parse_rule_id,
)

_ON_RULE = {"Rule": "rule", "EventBusName": "eventBusName"}
_TARGET = Call("PutTargets", at="Targets")

EVENT_TARGET = ResourceType(
    pulumi_type="aws:cloudwatch/eventTarget:EventTarget",
    service="events",
    id=("rule", "targetId"),
    identity=_ON_RULE,
    create=_TARGET,
    reads=(Read("ListTargetsByRule", at="Targets", where={"Id": "targetId"}, absent=_RULE_GONE),),
    steps=(Step((), _TARGET, on_create=False),),
    delete=(Call("RemoveTargets", identity={**_ON_RULE, "Ids": "targetId"}, ignore=_RULE_GONE),),
    renames={
        "targetId": "Id",
        "httpTarget": "HttpParameters",
        "sqsTarget": "SqsParameters",
        "kinesisTarget": "KinesisParameters",
        "appsyncTarget": "AppSyncParameters",
        "sagemakerPipelineTarget": "SageMakerPipelineParameters",
        "inputTransformer.inputPaths": "InputPathsMap",
    },
    force_new=frozenset({"eventBusName", "rule", "targetId"}),
    defaults={"eventBusName": _DEFAULT_BUS, "forceDestroy": False},
    local=frozenset({"forceDestroy"}),
    autoname=Autoname("targetId", max_length=64),
    exclusive=(("input", "inputPath", "inputTransformer"),),
    unsupported=frozenset({"batchTarget", "ecsTarget", "redshiftTarget", "runCommandTargets"}),
    make_id=_target_id,
    parse_id=_parse_target_id,
)

TYPES = (LOG_GROUP, METRIC_ALARM, COMPOSITE_ALARM, DASHBOARD, EVENT_RULE, EVENT_TARGET)
