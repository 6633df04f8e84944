"""Monitoring jobs encrypt their volumes and results with a customer-managed key."""

from headway_policies.intent import Intent
from headway_policies.outcome import Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import AWS_KEY, KEY_ARN, OWN_KEY, Examples
from headway_policies.subjects.jobs import DATA_QUALITY, MONITORS, NO_JOB, SCHEDULE, job_keys, jobs

_case = Examples(
    DATA_QUALITY,
    {
        "dataQualityJobOutputConfig": {"kmsKeyId": KEY_ARN},
        "jobResources": {"clusterConfig": {"instanceType": "ml.m5.large", "volumeKmsKeyId": KEY_ARN}},
    },
)
_schedule = Examples(
    SCHEDULE,
    {
        "monitoringScheduleConfig": {
            "monitoringJobDefinition": {
                "monitoringOutputConfig": {"kmsKeyId": KEY_ARN},
                "monitoringResources": {"clusterConfig": {"volumeKmsKeyId": KEY_ARN}},
            }
        }
    },
)

RULE = Rule(
    id="HEADWAY-ENC-003",
    slug="monitors-keys",
    title="Monitoring jobs encrypt their volumes and results with a customer-managed key",
    since="0.1",
    severity=Severity.HIGH,
    resources=MONITORS,
    why="What a monitoring job reads and reports is what people sent to the model, and what it answered.",
    fix="Set the output key and the volume key of the monitoring job.",
    passes=(
        _case("both keys"),
        _schedule("a schedule with both keys"),
        _case(
            "keys of the same stack, not known yet",
            {"dataQualityJobOutputConfig": UNKNOWN, "jobResources": UNKNOWN},
            made_of={"dataQualityJobOutputConfig": OWN_KEY, "jobResources": OWN_KEY},
        ),
    ),
    fails=(
        _case("no output key", {"dataQualityJobOutputConfig.kmsKeyId": None}, says="kmsKeyId is nothing"),
        _schedule(
            "a schedule without a volume key",
            {"monitoringScheduleConfig.monitoringJobDefinition.monitoringResources": {}},
            says="monitoringResources.clusterConfig.volumeKmsKeyId is nothing",
        ),
        _case("AWS's key", {"jobResources.clusterConfig.volumeKmsKeyId": AWS_KEY}, says="alias/aws"),
    ),
    exempts=(_schedule("a schedule that names a job definition", {"monitoringScheduleConfig": {}}),),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("made of nothing in the stack", {"jobResources": UNKNOWN}, says="volumeKmsKeyId"),),
    references=("https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-security.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    found = list(jobs(resource))
    if not found:
        yield NO_JOB
    for job in found:
        yield from job_keys(job)
