"""No secret stands in an environment, a hyperparameter or an argument."""

import re
from collections.abc import Iterator, Mapping

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.endpoints import MODEL
from headway_policies.subjects.examples import Examples, definition, step
from headway_policies.subjects.jobs import TRAINING_JOB, TUNING_JOB
from headway_policies.subjects.pipelines import PIPELINE, steps

_FUNCTION = "aws:lambda/function:Function"
_MAPS: Mapping[str, tuple[str, ...]] = {
    _FUNCTION: ("environment.variables",),
    MODEL: ("primaryContainer.environment", "containers[*].environment"),
    TRAINING_JOB: ("environment", "hyperParameters", "algorithmSpecification.containerArguments"),
    TUNING_JOB: ("trainingJobDefinition.environment", "trainingJobDefinition.staticHyperParameters"),
    "aws:sagemaker/monitoringSchedule:MonitoringSchedule": (
        "monitoringScheduleConfig.monitoringJobDefinition.environment",
    ),
    "aws:sagemaker/dataQualityJobDefinition:DataQualityJobDefinition": (
        "dataQualityAppSpecification.environment",
    ),
    "aws:bedrock/agentcoreAgentRuntime:AgentcoreAgentRuntime": ("environmentVariables",),
}
_STEP_MAPS = (
    *("environment", "hyperParameters", "appSpecification.containerArguments"),
    "algorithmSpecification.containerArguments",
)
_NAME = re.compile(
    r"(^|[_-])(passw(or)?d|secret|api[_-]?key|access[_-]?key|private[_-]?key|auth[_-]?token)($|[_-])",
    re.IGNORECASE,
)
_VALUE = re.compile(
    r"(AKIA|ASIA)[0-9A-Z]{16}|-----BEGIN [A-Z ]*PRIVATE KEY-----|gh[pousr]_[0-9A-Za-z]{30,}"
    r"|xox[abprs]-[0-9A-Za-z-]{10,}|sk-[0-9A-Za-z_-]{20,}|glpat-[0-9A-Za-z_-]{20}"
)
_REFERENCE = re.compile(r"arn:aws[a-z-]*:(secretsmanager|ssm|kms):|\{\{resolve:|/[\w./-]+$|projects/|s3://")
_case = Examples(_FUNCTION, {"environment": {"variables": {"LEVEL": "info"}}})
_model = Examples(MODEL, {"primaryContainer": {"environment": {"LEVEL": "info"}}})
_pipeline = Examples(PIPELINE, definition(step("Training", {"HyperParameters": {"depth": "3"}}, "Train")))
_SECRET_ARN = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:db-AbCdEf"  # noqa: S105 - an ARN

RULE = Rule(
    id="HEADWAY-IAM-009",
    slug="no-literal-secrets",
    title="No secret stands in an environment, a hyperparameter or an argument",
    since="0.1",
    severity=Severity.CRITICAL,
    resources=(*_MAPS, PIPELINE),
    why=(
        "Environments and hyperparameters are shown to everybody who may describe the job, kept for as long "
        "as the job is, and copied into logs and lineage."
    ),
    fix="Keep it in Secrets Manager, pass its ARN, and let the role read it.",
    passes=(
        _case("nothing secret"),
        _case("the ARN of a secret", {"environment.variables": {"DB_PASSWORD": _SECRET_ARN}}),
        _case("the name of a parameter", {"environment.variables": {"API_KEY": "/flights/api-key"}}),
        _case(
            "a word that only holds another", {"environment.variables": {"TOKENIZER": "bert", "KEYS": "a,b"}}
        ),
        _pipeline("hyperparameters"),
    ),
    fails=(
        _case(
            "a password by its name",
            {"environment.variables": {"DB_PASSWORD": "hunter2"}},
            says="environment.variables.DB_PASSWORD is 'a secret in plain text'",
        ),
        _model(
            "an access key by its form",
            {"primaryContainer.environment": {"WHO": "AKIAIOSFODNN7EXAMPLE"}},
            says="primaryContainer.environment.WHO",
        ),
        _pipeline(
            "a hyperparameter of a step",
            definition(step("Training", {"HyperParameters": {"api_key": "abc"}}, "Train")),
            says="Steps.Train hyperParameters.api_key",
        ),
        _pipeline(
            "an argument of a step",
            definition(
                step(
                    "Processing",
                    {"AppSpecification": {"ContainerArguments": ["--auth-token", "abc"]}},
                    "Load",
                )
            ),
            says="Steps.Load appSpecification.containerArguments[1]",
        ),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case(
            "a password that is not known yet",
            {"environment.variables": {"DB_PASSWORD": UNKNOWN}},
            says="DB_PASS",
        ),
        _pipeline("a definition that is not known yet", {"pipelineDefinition": UNKNOWN}, says="pipelineDef"),
    ),
    references=("https://docs.aws.amazon.com/secretsmanager/latest/userguide/best-practices.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    if resource.type == PIPELINE:
        for each in steps(resource):
            for path in _STEP_MAPS:
                yield from _held(each.arguments, path, each.place)
        return
    for pattern in _MAPS[resource.type]:
        for path in resource.expand(pattern):
            yield from _held(resource, path, "")


def _held(resource: Resource, path: str, place: str) -> Answers:
    if resource.value(path) is UNKNOWN:
        yield Undecided(path=place + path)
    for name, value, where in _entries(resource.value(path), path):
        named = _NAME.search(name) is not None
        if value is UNKNOWN:
            if named:
                yield Undecided(path=place + where)
        elif isinstance(value, str) and value and _is_secret(named, value):
            # The value itself is never shown.
            yield Finding(path=place + where, got="a secret in plain text", want="a reference to a secret")


def _entries(held: object, path: str) -> Iterator[tuple[str, object, str]]:
    """Name, value and path of each entry: of a map, or of options and their values in a list."""
    if isinstance(held, Mapping):
        for name, value in held.items():
            yield str(name), value, f"{path}.{name}"
    elif isinstance(held, list | tuple):
        before = ""
        for position, value in enumerate(held):
            option = before.lstrip("-") if before.startswith("--") else ""
            yield option, value, f"{path}[{position}]"
            before = value if isinstance(value, str) else ""


def _is_secret(named: bool, value: str) -> bool:
    if _VALUE.search(value):
        return True
    return named and not _REFERENCE.match(value)
