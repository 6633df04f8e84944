"""The steps from raw data to a registered model, as one pure function of plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headway_components._job_channels import job_input, job_output
from headway_components._pipeline_functions import FunctionStep, WhenStep
from headway_components._quality_steps import QualityPlan
from headway_components.contracts import FeatureContract, InferenceContract
from headway_components.pipeline_definition import (
    EXECUTION_ID,
    Channel,
    FailStep,
    GateStep,
    Machine,
    Parameter,
    ProcessingStep,
    RegisterStep,
    Step,
    TrainingStep,
    Value,
    join,
    parameter,
    pipeline,
)
from headway_components.training import EvaluationSpec, TrainingSpec
from headway_runtime import contract as runtime

APPROVAL_PARAMETER = "ApprovalStatus"
APPROVED = "Approved"
PENDING = "PendingManualApproval"
TRIGGER_PARAMETER = "StartedBy"
TRAIN_UNTIL_PARAMETER, EVALUATE_UNTIL_PARAMETER = "TrainUntil", "EvaluateUntil"
"""The two cuts in time, so that a later training learns from a dataset that has grown."""
PLAN = "Plan"
"""Step that says which rows train and which judge, whoever started the training."""
DATASET, NEW = "Dataset", "New"
"""Step that says it anew once the data has passed its gate, and step that goes on where there is new data."""
PERSON, CALENDAR, DRIFT, DATA = "person", "calendar", "drift", "data"
TRIGGERS = (PERSON, CALENDAR, DRIFT, DATA)
"""Who starts a training; it is part of the lineage of the model."""
CONTENT_TYPES = ("text/csv", "application/json", "application/jsonlines")
_ENTRYPOINT = ("python", "-m", "headway_runtime")
_DECISION = "Decision"
_METRICS = {"train:binary_logloss": r"train:binary_logloss=([0-9.eE+-]+)"}


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """Everything that the steps need to know, with every reference resolved."""

    prefix: str
    """`<system>-<stack>`."""
    contract: InferenceContract
    """What the model is asked and what it answers."""
    training: TrainingSpec
    """How it is trained."""
    evaluation: EvaluationSpec
    """What it has to prove."""
    periods: int
    """Parts in time of the training rows whose differences are usual."""
    image: str
    """Image that trains and serves."""
    role_arn: str
    """Role of the jobs."""
    key_arn: str
    """Key of the system."""
    data_bucket: str
    """Bucket of raw and prepared data."""
    artifacts_bucket: str
    """Bucket of code, contracts, models and reports."""
    code_key: str
    """Prefix of the uploaded code."""
    contract_key: str
    """Prefix of the uploaded contract."""
    group: str
    """Model package group."""
    approval: str
    """Approval status of a new version when whoever starts the pipeline sets none."""
    function_arn: str
    """Function that says which rows train and which model is to be beaten."""
    subnets: Sequence[str]
    """Subnets of the jobs; none where they run in SageMaker's own network."""
    security_groups: Sequence[str]
    """Security groups of the jobs; none where they run in SageMaker's own network."""
    metadata: dict[str, str]
    """Digests that a registered version carries."""
    features: Sequence[FeatureContract] = ()
    """Feature contracts that the model takes; not known when left out."""
    quality: QualityPlan | None = None
    """How data is held to its contract; not at all when left out."""


def training_pipeline(plan: TrainingPlan) -> dict[str, Any]:
    """The definition: ingest, prepare, train, evaluate, then register or stop below the floor."""
    run = join(f"s3://{plan.data_bucket}", plan.prefix, "executions", EXECUTION_ID)
    report = join(f"s3://{plan.artifacts_bucket}", "evaluations", EXECUTION_ID)
    described = join(f"s3://{plan.artifacts_bucket}", "baselines", EXECUTION_ID)
    dataset, prepared = _below(run, "dataset"), {name: _below(run, name) for name in _PREPARED}
    machine = _machine(plan)
    planned = FunctionStep(
        name=PLAN,
        function_arn=plan.function_arn,
        call=_CALL,
        outputs=_PLANNED,
    )
    # Where data lands, its own report says more than is known before it is read.
    lands = plan.quality is not None and plan.quality.lands
    decided = _decided(plan, run) if lands else planned
    ingest = ProcessingStep(
        name="Ingest",
        after=[planned.name],
        machine=machine,
        entrypoint=_ENTRYPOINT,
        flags=["ingest", "--source", plan.training.ingest],
        inputs=[_code(plan)],
        outputs=[job_output("data", dataset)],
    )
    if plan.quality is not None:
        ingest = plan.quality.arriving(ingest)
    prepare = ProcessingStep(
        name="Prepare",
        after=[decided.name if lands else ingest.name],
        machine=machine,
        entrypoint=_ENTRYPOINT,
        flags=[
            "prepare",
            *_prepare_flags(plan.training, decided),
            *_feature_flags(plan.features),
            *(() if plan.quality is None else ("--as-of", decided.output("evaluate_until"))),
        ],
        inputs=[
            job_input("data", dataset),
            _code(plan),
            _contract(plan),
            *([] if plan.quality is None else plan.quality.inputs()),
        ],
        outputs=[job_output(name, prepared[name]) for name in _PREPARED],
    )
    train = TrainingStep(
        name="Train",
        after=[prepare.name],
        machine=machine,
        hyperparameters=plan.training.algorithm.hyperparameters(),
        channels=[
            Channel(name=runtime.CHANNEL_TRAIN, uri=prepared["train"]),
            Channel(name=runtime.CHANNEL_CONTRACT, uri=_contract(plan).uri),
            Channel(name=runtime.CHANNEL_DATASET, uri=prepared["report"]),
        ],
        output_uri=f"s3://{plan.artifacts_bucket}/models/{plan.prefix}",
        metrics=_METRICS,
    )
    evaluate = ProcessingStep(
        name="Evaluate",
        after=[train.name],
        machine=machine,
        entrypoint=_ENTRYPOINT,
        flags=["evaluate", *_evaluate_flags(plan.evaluation)],
        inputs=[
            job_input("model", train.model_uri),
            job_input("evaluation", prepared["evaluation"]),
            job_input("dataset", prepared["report"]),
            job_input("champion", decided.output("champion_uri"), "ManifestFile"),
        ],
        outputs=[job_output("evaluation", report)],
        property_files={_DECISION: ("evaluation", runtime.DECISION_FILE)},
    )
    baseline = ProcessingStep(
        name="Baseline",
        # After it, not beside it: what follows an execution sees one order.
        after=[evaluate.name],
        machine=machine,
        entrypoint=_ENTRYPOINT,
        flags=["baseline", "--periods", str(plan.periods)],
        inputs=[
            job_input("model", train.model_uri),
            job_input("train", prepared["train"]),
            job_input("dataset", prepared["report"]),
        ],
        outputs=[job_output("baseline", described)],
    )
    register = RegisterStep(
        name="Register",
        group=plan.group,
        image=plan.image,
        model_uri=train.model_uri,
        statistics_uri=_below(report, runtime.EVALUATION_FILE),
        data_statistics_uri=_below(described, runtime.STATISTICS_FILE),
        data_constraints_uri=_below(described, runtime.CONSTRAINTS_FILE),
        approval=parameter(APPROVAL_PARAMETER),
        metadata={
            **plan.metadata,
            "started_by": parameter(TRIGGER_PARAMETER),
            "train_until": decided.output("train_until"),
            "evaluate_until": decided.output("evaluate_until"),
            "champion": decided.output("champion"),
        },
        content_types=CONTENT_TYPES,
        description=f"Answers for {plan.contract.name}, contract version {plan.contract.version}",
    )
    below_floor = FailStep(
        name="BelowFloor",
        message="The model did not pass its evaluation; the exit message of step Evaluate says why.",
    )
    gate = GateStep(
        name="Gate",
        # A model that is registered has its baseline, so that it can be watched from its first day.
        after=[baseline.name],
        judge=evaluate.name,
        property_file=_DECISION,
        path="passed",
        if_true=[register],
        if_false=[below_floor],
    )
    approval = Parameter(name=APPROVAL_PARAMETER, default=plan.approval, allowed=(APPROVED, PENDING))
    started_by = Parameter(name=TRIGGER_PARAMETER, default=PERSON, allowed=TRIGGERS)
    steps: list[Step] = [prepare, train, evaluate, baseline, gate]
    if lands:
        found_new = WhenStep(
            name=NEW, after=[decided.name], value=decided.output("train"), equals="yes", steps=steps
        )
        steps = [decided, found_new]
    if plan.quality is not None:
        steps = plan.quality.guarded(ingest, steps)
    cuts = [
        Parameter(name=TRAIN_UNTIL_PARAMETER, default=plan.training.train_until),
        Parameter(name=EVALUATE_UNTIL_PARAMETER, default=plan.training.evaluate_until),
    ]
    return pipeline([approval, started_by, *cuts], [planned, ingest, *steps])


_PREPARED = ("train", "evaluation", "report")
_PLANNED = ("train_until", "evaluate_until", "champion_uri", "champion")
_CALL: Mapping[str, Value] = {
    "run": EXECUTION_ID,
    "trigger": parameter(TRIGGER_PARAMETER),
    "train_until": parameter(TRAIN_UNTIL_PARAMETER),
    "evaluate_until": parameter(EVALUATE_UNTIL_PARAMETER),
}


def _decided(plan: TrainingPlan, run: dict[str, Any]) -> FunctionStep:
    return FunctionStep(
        name=DATASET,
        function_arn=plan.function_arn,
        call={**_CALL, "quality": _below(run, f"quality/{runtime.QUALITY_FILE}")},
        outputs=(*_PLANNED, "train", "why"),
    )


def _machine(plan: TrainingPlan) -> Machine:
    return job_machine(
        plan.training,
        image=plan.image,
        role_arn=plan.role_arn,
        key_arn=plan.key_arn,
        subnets=plan.subnets,
        security_groups=plan.security_groups,
    )


def job_machine(
    training: TrainingSpec,
    *,
    image: str,
    role_arn: str,
    key_arn: str,
    subnets: Sequence[str],
    security_groups: Sequence[str],
) -> Machine:
    """What a job of the pipeline runs on.

    Args:
        training: Says how large it is.
        image: Image of the job.
        role_arn: Role of the job.
        key_arn: Key of its disk and outputs.
        subnets: Subnets of the job.
        security_groups: Security groups of the job.
    """
    return Machine(
        image=image,
        role_arn=role_arn,
        instance_type=training.instance_type,
        volume_size_gib=training.volume_size_gib,
        max_runtime_s=training.max_runtime_s,
        key_arn=key_arn,
        subnets=subnets,
        security_groups=security_groups,
        environment={runtime.IMAGE_VARIABLE: image},
    )


def _below(place: dict[str, Any], name: str) -> dict[str, Any]:
    return join(*place["Std:Join"]["Values"], name)


def _code(plan: TrainingPlan) -> Channel:
    return job_input(runtime.CHANNEL_CODE, f"s3://{plan.artifacts_bucket}/{plan.code_key}")


def _contract(plan: TrainingPlan) -> Channel:
    return job_input(runtime.CHANNEL_CONTRACT, f"s3://{plan.artifacts_bucket}/{plan.contract_key}")


def _prepare_flags(training: TrainingSpec, planned: FunctionStep) -> list[Value]:
    return [
        *("--features", training.features),
        *("--train-until", planned.output("train_until")),
        *("--evaluate-until", planned.output("evaluate_until")),
    ]


def _feature_flags(features: Sequence[FeatureContract]) -> list[str]:
    return [word for item in features for word in ("--feature-contract", f"{item.label}={item.digest()}")]


def _evaluate_flags(evaluation: EvaluationSpec) -> list[str]:
    slices = [flag for column in evaluation.slices for flag in ("--slice", column)]
    if evaluation.minimum_slice_logloss_improvement is not None:
        slices += [
            "--minimum-slice-logloss-improvement",
            repr(evaluation.minimum_slice_logloss_improvement),
        ]
    if evaluation.maximum_logloss_over_champion is not None:
        slices += ["--maximum-logloss-over-champion", repr(evaluation.maximum_logloss_over_champion)]
    return [
        *("--floor", evaluation.floor.value),
        *("--minimum-logloss-improvement", repr(evaluation.minimum_logloss_improvement)),
        *("--minimum-auc", repr(evaluation.minimum_auc)),
        *("--maximum-auc", repr(evaluation.maximum_auc)),
        *("--minimum-group-size", str(evaluation.minimum_group_size)),
        *slices,
    ]
