"""Monitoring jobs encrypt what their containers send to each other."""

import json

from headway_policies.intent import Intent
from headway_policies.outcome import Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import Examples
from headway_policies.subjects.jobs import DATA_QUALITY, MONITORS, NO_JOB, SCHEDULE, Part, jobs
from headway_policies.subjects.native import CLOUD_CONTROL
from headway_policies.subjects.values import is_on, number

_ENCRYPTED = {"enableInterContainerTrafficEncryption": True}
_case = Examples(DATA_QUALITY, {"networkConfig": _ENCRYPTED})
_schedule = Examples(
    SCHEDULE, {"monitoringScheduleConfig": {"monitoringJobDefinition": {"networkConfig": _ENCRYPTED}}}
)
_bias = Examples(CLOUD_CONTROL, {"typeName": "AWS::SageMaker::ModelBiasJobDefinition"})


def _on(machines: int) -> dict[str, object]:
    return {"desiredState": json.dumps({"JobResources": {"ClusterConfig": {"InstanceCount": machines}}})}


RULE = Rule(
    id="HEADWAY-TLS-003",
    slug="monitors-traffic-encrypted",
    title="Monitoring jobs encrypt what their containers send to each other",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=MONITORS,
    why=(
        "A monitoring job that grows to a second machine sends captured requests between the two. The "
        "setting of a job definition cannot be changed later, so it is set from the start."
    ),
    fix="Set `enable_inter_container_traffic_encryption=True` in the job's network configuration.",
    passes=(
        _case("an encrypted data quality job"),
        _schedule("a schedule with an encrypted job"),
        _bias("a bias job on one machine: the control asks for it from two on", _on(1)),
    ),
    fails=(
        _case(
            "a data quality job on one machine: the control asks for it always",
            {"networkConfig": None, "jobResources": {"clusterConfig": {"instanceCount": 1}}},
            says="enableInterContainerTrafficEncryption is nothing",
        ),
        _schedule(
            "a schedule",
            {"monitoringScheduleConfig.monitoringJobDefinition.networkConfig": {}},
            says="enableInterContainerTrafficEncryption is nothing",
        ),
        _bias("a bias job on two machines", _on(2), says="networkConfig.enableInterContainerTraffic"),
    ),
    exempts=(_bias("another type", {"typeName": "AWS::SageMaker::Cluster", "desiredState": "{}"}),),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("not known yet", {"networkConfig": UNKNOWN}, says="networkConfig"),),
    references=(
        "https://docs.aws.amazon.com/securityhub/latest/userguide/sagemaker-controls.html#sagemaker-9",
        "https://docs.aws.amazon.com/securityhub/latest/userguide/sagemaker-controls.html#sagemaker-15",
    ),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    found = list(jobs(resource))
    if not found:
        yield NO_JOB
    for job in found:
        if job.kind == "ModelBiasJobDefinition" and number(job.value(Part.INSTANCE_COUNT)) == 1:
            continue
        yield from is_on(job.resource, job.path(Part.TRAFFIC))
