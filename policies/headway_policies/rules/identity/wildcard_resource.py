"""A statement names its resources wherever AWS lets it."""

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.policy_document import Statement, matches_action
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import Examples, allowing
from headway_policies.subjects.policies import IDENTITY_POLICIES, ROLE_POLICY, permissions

_case = Examples(ROLE_POLICY, allowing(Action="s3:GetObject", Resource="arn:aws:s3:::data-1/*"))
_WITHOUT_RESOURCE = (
    *(
        "cloudwatch:PutMetricData",
        "cloudwatch:GetMetric*",
        "cloudwatch:ListMetrics",
        "cloudwatch:DescribeAlarms*",
    ),
    *("ecr:GetAuthorizationToken", "ecr-public:GetAuthorizationToken", "sts:GetCallerIdentity"),
    *("ec2:Describe*", "elasticloadbalancing:Describe*", "autoscaling:Describe*"),
    *("application-autoscaling:Describe*", "application-autoscaling:RegisterScalableTarget"),
    *("application-autoscaling:PutScalingPolicy", "application-autoscaling:Delete*"),
    *("logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery"),
    *("logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies"),
    *("logs:DescribeLogGroups", "xray:Put*", "xray:GetSampling*"),
    *("sagemaker:List*", "sagemaker:Search", "bedrock:List*", "servicequotas:List*", "pricing:*"),
    *("s3:ListAllMyBuckets", "kms:ListAliases", "kms:ListKeys", "kms:GenerateRandom", "kms:CreateKey"),
    *("lambda:ListFunctions", "states:ListStateMachines", "dynamodb:ListTables", "events:ListRules"),
    *("cloudtrail:LookupEvents", "cloudtrail:DescribeTrails", "ssm:DescribeParameters", "tag:Get*"),
)
"""Source: Service Authorization Reference, actions without a resource type."""
_INTERFACES = (
    *("ec2:CreateNetworkInterface", "ec2:CreateNetworkInterfacePermission"),
    *("ec2:DeleteNetworkInterface", "ec2:DeleteNetworkInterfacePermission"),
)
_NARROWING = ("aws:resourcetag/", "aws:resourceaccount", "aws:resourceorgid", "aws:resourceorgpaths")

RULE = Rule(
    id="HEADWAY-IAM-003",
    slug="wildcard-resource",
    title="A statement names its resources wherever AWS lets it",
    since="0.1",
    severity=Severity.HIGH,
    resources=IDENTITY_POLICIES,
    why=(
        "A role for one system that may read every bucket reads those of the others too. Whoever gets hold "
        "of one model gets hold of everybody's data."
    ),
    fix="Name the ARNs in `Resource`, or take the grants of `headway_components`, which name them.",
    passes=(
        _case("one bucket"),
        _case("an action that knows no resource", allowing(Action="cloudwatch:PutMetricData", Resource="*")),
        _case(
            "resources of a tag",
            allowing(
                Action="sagemaker:StopTrainingJob",
                Resource="*",
                Condition={"StringEquals": {"aws:ResourceTag/headway:system": "flights"}},
            ),
        ),
    ),
    fails=(
        _case("every bucket", allowing(Action="s3:GetObject", Resource="*"), says="Resource is '*'"),
        _case(
            "every bucket, spelt out",
            allowing(Action="s3:GetObject", Resource="arn:aws:s3:::*"),
            says=":::*'",
        ),
        _case(
            "every resource of every service",
            allowing(Action="kms:Decrypt", Resource="arn:*"),
            says="'arn:*'",
        ),
        _case(
            "everything but one",
            allowing(Action="s3:GetObject", NotResource="arn:aws:s3:::payroll/*"),
            says="NotResource is 'arn:aws:s3:::payroll/*'",
        ),
        _case(
            "one of two actions would know a resource",
            allowing(Action=["cloudwatch:PutMetricData", "kms:Decrypt"], Resource=["*"]),
            says="Resource is '*'",
        ),
        _case("every action but one", allowing(NotAction="iam:*", Resource="*"), says="Resource is '*'"),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case("a policy that is not known yet", {"policy": UNKNOWN}, says="policy"),
        _case("an action that is not known yet", allowing(Action=[UNKNOWN], Resource="*"), says="Action"),
    ),
    references=("https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    for statement in permissions(resource):
        if isinstance(statement, Undecided):
            yield statement
        elif not _is_narrowed(statement):
            yield from _statement(statement)


def _statement(statement: Statement) -> Answers:
    for arn in statement.not_resources or ():
        yield Finding(path=f"{statement.path}.NotResource", got=arn, want="a Resource that names ARNs")
    everything = [arn for arn in statement.resources if isinstance(arn, str) and _is_everything(arn)]
    if not everything:
        return
    if UNKNOWN in statement.actions:
        yield Undecided(path=f"{statement.path}.Action")
    if statement.not_actions is not None or any(map(_knows_a_resource, statement.actions)):
        yield Finding(path=f"{statement.path}.Resource", got=everything[0], want="the ARNs that it needs")


def _is_everything(arn: str) -> bool:
    """Whether an ARN leaves the name of the resource open from its first letter."""
    parts = arn.split(":", 5)
    name = parts[5] if len(parts) > 5 else "*" if "*" in arn else arn
    return not name.strip("*?/")


def _knows_a_resource(action: object) -> bool:
    if not isinstance(action, str):
        return False
    return not any(matches_action(pattern, action) for pattern in (*_WITHOUT_RESOURCE, *_INTERFACES))


def _is_narrowed(statement: Statement) -> bool:
    return any(condition.key.startswith(_NARROWING) for condition in statement.conditions)
