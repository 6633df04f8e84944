"""No role has one of AWS's policies of full access."""

import re

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import Examples
from headway_policies.subjects.policies import ROLE

_ATTACHMENTS = (
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    "aws:iam/policyAttachment:PolicyAttachment",
    "aws:iam/userPolicyAttachment:UserPolicyAttachment",
    "aws:iam/groupPolicyAttachment:GroupPolicyAttachment",
)
_AWS = "arn:aws:iam::aws:policy"
_FULL = re.compile(
    r"arn:aws[a-z-]*:iam::aws:policy/(.*/)?(\w*FullAccess|AdministratorAccess[\w-]*|PowerUserAccess)"
)
_case = Examples(_ATTACHMENTS[0], {"policyArn": f"{_AWS}/service-role/AWSLambdaBasicExecutionRole"})
_role = Examples(ROLE, {"managedPolicyArns": [f"{_AWS}/CloudWatchReadOnlyAccess"]})

RULE = Rule(
    id="HEADWAY-IAM-008",
    slug="no-full-access-policy",
    title="No role has one of AWS's policies of full access",
    since="0.1",
    severity=Severity.HIGH,
    resources=(*_ATTACHMENTS, ROLE),
    why=(
        "AmazonSageMakerFullAccess reads every bucket with `sagemaker` in its name, in any account, passes "
        "roles and deletes endpoints. It is made for a first try, and AWS widens it without asking."
    ),
    fix="Write a policy that names the actions and resources, or take the grants of `headway_components`.",
    passes=(
        _case("a narrow policy of AWS's"),
        _case(
            "a policy of one's own", {"policyArn": "arn:aws:iam::111122223333:policy/FullAccessToMyBucket"}
        ),
        _role("a role that reads"),
    ),
    fails=(
        _case("full access", {"policyArn": f"{_AWS}/AmazonSageMakerFullAccess"}, says="SageMakerFullAccess"),
        _case("everything", {"policyArn": f"{_AWS}/AdministratorAccess"}, says="AdministratorAccess"),
        _case(
            "in China", {"policyArn": "arn:aws-cn:iam::aws:policy/PowerUserAccess"}, says="PowerUserAccess"
        ),
        _role(
            "in the role itself",
            {"managedPolicyArns": [f"{_AWS}/AmazonS3FullAccess"]},
            says="managedPolicyArns[0]",
        ),
    ),
    when_unknown=Outcome.PASS,
    unknowns=(_case("a policy of the same stack, not known yet", {"policyArn": UNKNOWN}),),
    references=("https://docs.aws.amazon.com/sagemaker/latest/dg/security-iam-awsmanpol.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    paths = ("policyArn",) if resource.type != ROLE else resource.items("managedPolicyArns")
    for path in paths:
        arn = resource.value(path)
        if arn is UNKNOWN:
            # AWS's own policies are known before any update: this is one that the stack makes, judged itself.
            yield Undecided(path=path)
        elif isinstance(arn, str) and _FULL.fullmatch(arn):
            yield Finding(path=path, got=arn, want="a policy that names actions and resources")
