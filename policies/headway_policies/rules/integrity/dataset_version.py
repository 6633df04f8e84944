"""A training names the version of the data that it learns from."""

import re
from collections.abc import Mapping

from headway_policies.intent import DEVELOPMENT, Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import Examples, definition, step
from headway_policies.subjects.jobs import NO_JOB, TRAINING, TRAINING_JOB, jobs
from headway_policies.subjects.pipelines import PIPELINE
from headway_policies.subjects.values import NOT_PRODUCTION, is_strict

_URI = "inputDataConfigs[0].dataSource.s3DataSource.s3Uri"
_VERSION = re.compile(r"(?i)(^|[/=_-])([0-9a-f]{8,}|v?\d+([._-]\d+)*|\d{4}-?\d{2}(-?\d{2})?)(/|$)")
_case = Examples(
    TRAINING_JOB, {"inputDataConfigs": [{"dataSource": {"s3DataSource": {"s3Uri": "s3://data/train/v12/"}}}]}
)


def _step(uri: object) -> dict[str, object]:
    channel = {"ChannelName": "train", "DataSource": {"S3DataSource": {"S3Uri": uri}}}
    return definition(step("Training", {"InputDataConfig": [channel]}, "Train"))


_RUN = {
    "Std:Join": {"On": "/", "Values": ["s3://data/runs", {"Get": "Execution.PipelineExecutionId"}, "train"]}
}
_pipeline = Examples(PIPELINE, _step(_RUN))

RULE = Rule(
    id="HEADWAY-INT-009",
    slug="dataset-version",
    title="A training names the version of the data that it learns from",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(*TRAINING, PIPELINE),
    why=(
        "`s3://data/latest` is another data set tomorrow. Then nobody can say what a model learned, or "
        "learn it again."
    ),
    fix="Train on the output of a step, on a path with the run's id, or on one with a version or digest.",
    passes=(
        _case("a version in the path"),
        _case("a day", {_URI: "s3://data/train/2026-01-31/"}),
        _pipeline("the data of this run"),
        _pipeline(
            "the output of a step",
            _step({"Get": "Steps.Prepare.ProcessingOutputConfig.Outputs['train'].S3Output.S3Uri"}),
        ),
    ),
    fails=(
        _case("the newest", {_URI: "s3://data/latest/"}, says="'s3://data/latest/'"),
        _pipeline("a step on a fixed path", _step("s3://data/train"), says="Steps.Train inputDataConfig[0]"),
        _pipeline(
            "a path that is only put together",
            _step({"Std:Join": {"On": "/", "Values": ["s3://data", "train"]}}),
            says="Steps.Train",
        ),
    ),
    exempts=(
        _case("outside production", {_URI: "s3://data/latest/"}, intent=DEVELOPMENT),
        _pipeline("a pipeline that trains nothing", definition(step("Fail", {}))),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("not known yet", {_URI: UNKNOWN}, says=_URI),),
    references=("https://docs.aws.amazon.com/wellarchitected/latest/machine-learning-lens/mlrel-07.html",),
)


@RULE.check
def _(resource: Resource, intent: Intent) -> Answers:
    if not is_strict(intent):
        yield NOT_PRODUCTION
        return
    found = [job for job in jobs(resource) if job.kind == "Training"]
    if not found:
        yield NO_JOB
    for job in found:
        for name in ("inputDataConfigs", "inputDataConfig"):
            for path in job.resource.items(job.before + name):
                yield from job.placed(_versioned(job.resource, f"{path}.dataSource.s3DataSource.s3Uri"))


def _versioned(job: Resource, path: str) -> Answers:
    uri = job.value(path)
    if uri is UNKNOWN:
        yield Undecided(path=path)
    elif isinstance(uri, str) and not _VERSION.search(uri.partition("://")[2].partition("/")[2]):
        yield Finding(path=path, got=uri, want="a path with a version, a digest or the run's id")
    elif isinstance(uri, Mapping) and not _is_of_this_run(uri):
        yield Finding(path=path, got="a path that is the same for each run", want="one with the run's id")


def _is_of_this_run(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(map(_is_of_this_run, value.values()))
    if isinstance(value, list):
        return any(map(_is_of_this_run, value))
    return isinstance(value, str) and value.startswith(("Execution.", "Steps."))
