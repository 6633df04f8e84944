"""Monitoring jobs run without a network of their own."""

import json

from headway_policies.intent import Intent
from headway_policies.outcome import Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import Examples
from headway_policies.subjects.jobs import DATA_QUALITY, MONITORS, SCHEDULE, Part, judged
from headway_policies.subjects.native import CLOUD_CONTROL
from headway_policies.subjects.values import is_on

_ISOLATED = {"enableNetworkIsolation": True}
_case = Examples(DATA_QUALITY, {"networkConfig": _ISOLATED})
_schedule = Examples(
    SCHEDULE, {"monitoringScheduleConfig": {"monitoringJobDefinition": {"networkConfig": _ISOLATED}}}
)
_native = Examples(
    CLOUD_CONTROL,
    {
        "typeName": "AWS::SageMaker::ModelBiasJobDefinition",
        "desiredState": json.dumps({"NetworkConfig": {"EnableNetworkIsolation": True}}),
    },
)

RULE = Rule(
    id="HEADWAY-NET-005",
    slug="monitors-network-isolation",
    title="Monitoring jobs run without a network of their own",
    since="0.1",
    severity=Severity.HIGH,
    resources=MONITORS,
    why=(
        "A monitoring job reads every captured request and answer, again and again, unattended. With a "
        "network that is a standing way out for what people sent to the model."
    ),
    fix="Set `enable_network_isolation=True` in the network configuration of the monitoring job.",
    passes=(
        _case("an isolated data quality job"),
        _schedule("a schedule with an isolated job"),
        _native("a bias job of the Cloud Control API"),
    ),
    fails=(
        _case("no network configuration", {"networkConfig": None}, says="enableNetworkIsolation is nothing"),
        _schedule(
            "a schedule whose own job is not isolated",
            {"monitoringScheduleConfig.monitoringJobDefinition.networkConfig.enableNetworkIsolation": False},
            says="networkConfig.enableNetworkIsolation is False",
        ),
        _native(
            "an explainability job of the Cloud Control API",
            {"typeName": "AWS::SageMaker::ModelExplainabilityJobDefinition", "desiredState": "{}"},
            says="enableNetworkIsolation is nothing",
        ),
        _native(
            "a model quality job with the state as an object",
            {
                "typeName": "AWS::SageMaker::ModelQualityJobDefinition",
                "desiredState": {"NetworkConfig": {"EnableNetworkIsolation": False}},
            },
            says="enableNetworkIsolation is False",
        ),
    ),
    exempts=(
        _schedule(
            "a schedule that names a job definition, which is judged itself",
            {"monitoringScheduleConfig": {"monitoringJobDefinitionName": "quality"}},
        ),
        _native("another type of the Cloud Control API", {"typeName": "AWS::SageMaker::Cluster"}),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case("not known yet", {"networkConfig": UNKNOWN}, says="networkConfig.enableNetworkIsolation"),
        _native("a desired state that is not known yet", {"desiredState": UNKNOWN}, says="desiredState"),
    ),
    references=(
        "https://docs.aws.amazon.com/securityhub/latest/userguide/sagemaker-controls.html#sagemaker-11",
        "https://docs.aws.amazon.com/securityhub/latest/userguide/sagemaker-controls.html#sagemaker-14",
    ),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    yield from judged(resource, Part.ISOLATION, is_on)
