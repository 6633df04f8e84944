"""Inference experiments encrypt their volumes and what they capture with a customer-managed key."""

import json

from headway_policies.intent import Intent
from headway_policies.outcome import NotApplicable, Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import AWS_KEY, KEY_ARN, OWN_KEY, Examples
from headway_policies.subjects.native import CLOUD_CONTROL, seen
from headway_policies.subjects.values import own_key

_EXPERIMENT = "aws-native:sagemaker:InferenceExperiment"
_GOOD = {"kmsKey": KEY_ARN, "dataStorageConfig": {"destination": "s3://compared", "kmsKey": KEY_ARN}}
_case = Examples(_EXPERIMENT, _GOOD)
_cloud = Examples(CLOUD_CONTROL, {"typeName": "AWS::SageMaker::InferenceExperiment"})

RULE = Rule(
    id="HEADWAY-ENC-011",
    slug="experiment-keys",
    title="Inference experiments encrypt their volumes and what they capture with a customer-managed key",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(_EXPERIMENT, CLOUD_CONTROL),
    why="A shadow test copies the requests of real users to another model and stores both answers.",
    fix="Set the key of the experiment and the key of its data storage.",
    passes=(
        _case("both keys"),
        _case("no data storage", {"dataStorageConfig": None}),
        _cloud(
            "a resource of the Cloud Control API with keys of the same stack",
            {"desiredState": {"KmsKey": UNKNOWN, "DataStorageConfig": {"KmsKey": UNKNOWN}}},
            made_of={"desiredState": OWN_KEY},
        ),
    ),
    fails=(
        _case("no key of the volumes", {"kmsKey": None}, says="kmsKey is nothing"),
        _case("AWS's key", {"dataStorageConfig.kmsKey": AWS_KEY}, says="dataStorageConfig.kmsKey"),
        _cloud(
            "a resource of the Cloud Control API without",
            {"desiredState": json.dumps({"DataStorageConfig": {"Destination": "s3://compared"}})},
            says="dataStorageConfig.kmsKey is nothing",
        ),
    ),
    exempts=(_cloud("another type", {"typeName": "AWS::SageMaker::Cluster", "desiredState": "{}"}),),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_cloud("a state that is not known yet", {"desiredState": UNKNOWN}, says="desiredState"),),
    references=(
        "https://docs.aws.amazon.com/securityhub/latest/userguide/sagemaker-controls.html#sagemaker-23",
        "https://docs.aws.amazon.com/securityhub/latest/userguide/sagemaker-controls.html#sagemaker-24",
    ),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    experiment = seen(resource)
    if experiment.type != _EXPERIMENT:
        yield NotApplicable(reason="it declares no inference experiment")
        return
    yield from own_key(experiment, "kmsKey")
    if experiment.has("dataStorageConfig"):
        yield from own_key(experiment, "dataStorageConfig.kmsKey")
