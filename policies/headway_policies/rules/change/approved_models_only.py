"""Only an approved model of one registry starts a release."""

import json

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, NotApplicable, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Case, Rule
from headway_policies.subjects.event_rules import EVENT_RULE, listed, pattern
from headway_policies.subjects.examples import example

_CHANGED = "SageMaker Model Package State Change"


def _case(title: str, says: str = "", kind: str = _CHANGED, **detail: object) -> Case:
    held = {"ModelApprovalStatus": ["Approved"], "ModelPackageGroupName": ["flights"], **detail}
    document = {
        "source": ["aws.sagemaker"],
        "detail-type": [kind],
        "detail": {name: value for name, value in held.items() if value is not None},
    }
    return Case(
        title=title, resources=(example(EVENT_RULE, {"eventPattern": json.dumps(document)}),), says=says
    )


RULE = Rule(
    id="HEADWAY-CHG-004",
    slug="approved-models-only",
    title="Only an approved model of one registry starts a release",
    since="0.1",
    severity=Severity.HIGH,
    resources=(EVENT_RULE,),
    why=(
        "A rule that listens to every change of every model starts a release for one that waits for "
        "approval, was rejected, or belongs to somebody else."
    ),
    fix="Take `ModelApprovalStatus` of Approved and the `ModelPackageGroupName` into the event pattern.",
    passes=(
        _case("approved models of one group"),
        _case("approved models of two groups", ModelPackageGroupName=["flights", "fraud"]),
    ),
    fails=(
        _case("every state", ModelApprovalStatus=None, says="ModelApprovalStatus is nothing"),
        _case("rejected ones too", ModelApprovalStatus=["Approved", "Rejected"], says="'Rejected'"),
        _case("every group", ModelPackageGroupName=None, says="ModelPackageGroupName is nothing"),
        _case("everything but", ModelApprovalStatus=[{"anything-but": "Rejected"}], says="anything-but"),
    ),
    exempts=(_case("a rule on something else", kind="SageMaker Endpoint State Change"),),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        Case(
            title="a pattern that is not known yet",
            resources=(example(EVENT_RULE, {"eventPattern": UNKNOWN}),),
            says="eventPattern",
        ),
    ),
    references=(
        "https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html",
    ),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    if resource.value("eventPattern") is UNKNOWN:
        yield Undecided(path="eventPattern")
        return
    found = pattern(resource)
    if found is None or _CHANGED not in listed(found, "detail-type"):
        yield NotApplicable(reason="the rule does not listen to changes of models")
        return
    states = listed(found, "detail", "ModelApprovalStatus")
    others = [state for state in states if state != "Approved"]
    if not states:
        yield Finding(path="eventPattern ModelApprovalStatus", got=None, want="Approved")
    elif others:
        yield Finding(path="eventPattern ModelApprovalStatus", got=others[0], want="Approved only")
    if not listed(found, "detail", "ModelPackageGroupName"):
        yield Finding(path="eventPattern ModelPackageGroupName", got=None, want="the names of the registries")
