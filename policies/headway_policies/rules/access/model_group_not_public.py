"""No policy of a model registry lets everybody in."""

import json

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.policy_document import statements
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Case, Rule
from headway_policies.subjects.examples import ACCOUNT, example
from headway_policies.subjects.policies import narrows_to_known

_GROUP = "aws:sagemaker/modelPackageGroupPolicy:ModelPackageGroupPolicy"
_REPOSITORY = "aws:ecr/repositoryPolicy:RepositoryPolicy"
_PATHS = {_GROUP: "resourcePolicy", _REPOSITORY: "policy"}


def _case(title: str, says: str = "", type_: str = _GROUP, **changes: object) -> Case:
    statement = {"Effect": "Allow", "Action": "sagemaker:DescribeModelPackage", "Resource": "*", **changes}
    document = json.dumps({"Statement": statement})
    return Case(title=title, resources=(example(type_, {_PATHS[type_]: document}),), says=says)


RULE = Rule(
    id="HEADWAY-PUB-004",
    slug="model-group-not-public",
    title="No policy of a model registry lets everybody in",
    since="0.1",
    severity=Severity.CRITICAL,
    resources=tuple(_PATHS),
    why=(
        "A registry that everybody reads gives the models away. One that everybody writes to lets anybody "
        "put the next version there, approved."
    ),
    fix="Name the accounts or roles in `Principal`.",
    passes=(
        _case("one account", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}),
        _case("an organisation", Principal="*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}}),
        _case("images for one account", type_=_REPOSITORY, Principal={"AWS": ACCOUNT}),
    ),
    fails=(
        _case("everybody", Principal="*", says="Principal is '*'"),
        _case("everybody as AWS", Principal={"AWS": "*"}, says="Principal is '*'"),
        _case("images for everybody", type_=_REPOSITORY, Principal="*", says="Principal is '*'"),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        Case(
            title="a policy that is not known yet",
            resources=(example(_GROUP, {"resourcePolicy": UNKNOWN}),),
            says="resourcePolicy",
        ),
    ),
    references=("https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-deploy-xaccount.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    for statement in statements(resource, _PATHS[resource.type]):
        if not statement.is_known:
            yield Undecided(path=statement.path)
        elif statement.allows and statement.is_for_everybody and not narrows_to_known(statement):
            yield Finding(path=f"{statement.path}.Principal", got="*", want="accounts or roles by name")
