"""Drift starts a training that goes through the same gate."""

import json

from headway_policies.intent import DEVELOPMENT, PRODUCTION, Intent
from headway_policies.outcome import Finding, NotApplicable, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Case, Rule
from headway_policies.stack_graph import Stack
from headway_policies.subjects.alarms import ALARM, DRIFT
from headway_policies.subjects.endpoints import ENDPOINT
from headway_policies.subjects.event_rules import EVENT_RULE, EVENT_TARGET, rules_on_alarm
from headway_policies.subjects.examples import definition, example, step
from headway_policies.subjects.gates import registrations
from headway_policies.subjects.monitors import drift_alarms, started_by
from headway_policies.subjects.pipelines import PIPELINE
from headway_policies.subjects.values import NOT_PRODUCTION, is_strict

_ENDPOINT = example(ENDPOINT, {"name": "flights"}, "endpoint")
_ALARM = example(
    ALARM,
    {"name": "drift", "namespace": DRIFT[0], "metricName": "psi", "dimensions": {"Endpoint": "flights"}},
    "drift",
)
_PATTERN = {
    "source": ["aws.cloudwatch"],
    "detail-type": ["CloudWatch Alarm State Change"],
    "detail": {"alarmName": ["drift"], "state": {"value": ["ALARM"]}},
}
_HEARD = example(EVENT_RULE, {"name": "on-drift", "eventPattern": json.dumps(_PATTERN)}, "rule")
_ARN = "arn:aws:sagemaker:eu-central-1:111122223333:pipeline/train"
_PASSED = {"LeftValue": {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Decision"}}}}
_REGISTER = step("RegisterModel", {"ModelPackageGroupName": "flights"}, "Register")
_GATED = definition(
    step("Processing", {}, "Evaluate"),
    step("Condition", {"Conditions": [_PASSED], "IfSteps": [_REGISTER]}, "Gate"),
)
_TRAIN = example(PIPELINE, {**_GATED, "arn": _ARN}, "train")


def _target(arn: object, made_of: Resource | None = None) -> Resource:
    held = None if made_of is None else {"arn": made_of}
    return example(EVENT_TARGET, {"rule": "on-drift", "arn": arn}, f"target {arn}", made_of=held)


def _case(title: str, *others: Resource, says: str = "", intent: Intent = PRODUCTION) -> Case:
    return Case(title=title, resources=(_ENDPOINT, _ALARM, *others), says=says, intent=intent)


RULE = Rule(
    id="HEADWAY-MON-007",
    slug="drift-retrains",
    title="Drift starts a training that goes through the same gate",
    since="0.1",
    severity=Severity.HIGH,
    resources=(ENDPOINT,),
    reads=(ALARM, EVENT_RULE, EVENT_TARGET, PIPELINE),
    why=(
        "An alarm that only tells somebody waits for somebody. One that puts a new model straight into the "
        "endpoint ships what nobody evaluated, at the very moment at which the data is strange."
    ),
    fix=(
        "Let a rule on the alarm's state start the training pipeline; leave it to the gate what is "
        "registered."
    ),
    passes=(
        _case("the pipeline with the gate", _HEARD, _target(_ARN), _TRAIN),
        _case(
            "the pipeline, not known yet",
            _HEARD,
            _target(UNKNOWN, _TRAIN),
            example(PIPELINE, _GATED, "train"),
        ),
        _case("and a topic beside it", _HEARD, _target(_ARN), _target("arn:aws:sns:x:1:people"), _TRAIN),
    ),
    fails=(
        _case("nothing listens", _TRAIN, says="retraining is nothing"),
        _case("a rule without a target", _HEARD, _TRAIN, says="retraining is nothing"),
        _case(
            "somebody is told, nothing is trained",
            _HEARD,
            _target("arn:aws:sns:x:1:people"),
            _TRAIN,
            says="nothing",
        ),
        _case(
            "a pipeline without a gate",
            _HEARD,
            _target(_ARN),
            example(PIPELINE, {**definition(_REGISTER), "arn": _ARN}, "train"),
            says="a pipeline without a gate",
        ),
        _case(
            "a rule on another alarm",
            example(
                EVENT_RULE,
                {"name": "on-drift", "eventPattern": json.dumps({**_PATTERN, "detail": {}})},
                "rule",
            ),
            _target(_ARN),
            _TRAIN,
            says="retraining is nothing",
        ),
        _case(
            "the endpoint is changed at once",
            _HEARD,
            _target(_ARN),
            _target("arn:aws:lambda:eu-central-1:111122223333:function:deploy"),
            _TRAIN,
            says="function:deploy",
        ),
    ),
    exempts=(
        _case("outside production", intent=DEVELOPMENT),
        Case(title="no alarm on drift, which another rule asks for", resources=(_ENDPOINT,)),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case("a target that is made of nothing here", _HEARD, _target(UNKNOWN), _TRAIN, says="arn"),
        _case(
            "a pipeline whose steps are not known yet",
            _HEARD,
            _target(_ARN),
            example(PIPELINE, {"arn": _ARN, "pipelineDefinition": UNKNOWN}, "train"),
            says="pipelineDefinition",
        ),
    ),
    references=(
        "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html",
    ),
)

_DEPLOYS = (":lambda:", ":states:", ":codepipeline:", ":ssm:")


@RULE.check_edges
def _(resource: Resource, stack: Stack, intent: Intent) -> Answers:
    if not is_strict(intent):
        yield NOT_PRODUCTION
        return
    alarms = drift_alarms(stack, resource)
    if not alarms:
        yield NotApplicable(reason="no alarm on drift of this endpoint is declared")
    for alarm in alarms:
        yield from _follows(stack, alarm)


def _follows(stack: Stack, alarm: Resource) -> Answers:
    trained, unknown = False, None
    for _rule, target in started_by(stack, alarm):
        arn = target.value("arn")
        pipelines = stack.referenced(target, "arn", PIPELINE)
        if isinstance(arn, str) and any(service in arn for service in _DEPLOYS):
            yield Finding(path="arn", got=arn, want="the training pipeline", urn=target.urn)
        unknown = target if arn is UNKNOWN and not stack.made_of(target, "arn") else unknown
        # A pipeline of another stack is named by its ARN; its gate is judged there.
        trained = trained or bool(pipelines) or (isinstance(arn, str) and ":pipeline/" in arn)
        for pipeline in pipelines:
            if not any(registration.is_gated for registration in registrations(pipeline)):
                want = "one that registers behind an evaluation"
                yield Finding(path="retraining", got="a pipeline without a gate", want=want, urn=pipeline.urn)
    if not trained and unknown is not None:
        yield Undecided(path="arn", urn=unknown.urn)
    elif not trained:
        heard = rules_on_alarm(stack, alarm)
        want = "a target that starts the training pipeline" if heard else "a rule that starts the pipeline"
        yield Finding(path="retraining", got=None, want=want, urn=alarm.urn)
