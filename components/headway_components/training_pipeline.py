"""TrainingPipeline: from raw data to a registered model that has proved itself."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
from pulumi_aws import iam, s3, sagemaker

from headway_components._args import Args
from headway_components._arns import sagemaker_arn
from headway_components._grants import (
    ENCRYPT,
    FOR_AWS,
    REGISTER_MODELS,
    USE_VOLUMES,
    Statement,
    attach_volumes,
    grant,
    read,
    run_jobs,
    use_models,
    write,
)
from headway_components._image import image_problems
from headway_components._names import short
from headway_components._quality_steps import QualityPlan
from headway_components._refs import (
    FoundationRef,
    PipelineRef,
    RegistryRef,
    RoleRef,
    TrainingCodeRef,
)
from headway_components._training_function import PlannerThings, planner
from headway_components._training_steps import (
    APPROVED,
    PENDING,
    PLAN,
    TrainingPlan,
    job_machine,
    training_pipeline,
)
from headway_components.contracts import FeatureContract, InferenceContract
from headway_components.data_quality import DataQuality, DataQualityArgs
from headway_components.drift_plan import DriftPlan
from headway_components.model import ModelSpec
from headway_components.release_plan import Approval
from headway_components.training import EvaluationSpec, TrainingSpec
from headway_runtime.contract import CONTRACT_FILE, canonical_json, digest, files_digest

_START = ("sagemaker:StartPipelineExecution", "sagemaker:DescribePipeline")
_RUN_JOBS = {
    "training-job": ("CreateTrainingJob", "DescribeTrainingJob", "StopTrainingJob"),
    "processing-job": ("CreateProcessingJob", "DescribeProcessingJob", "StopProcessingJob"),
}


@dataclass(frozen=True, kw_only=True)
class TrainingPipelineArgs(Args):
    """Arguments of a TrainingPipeline."""

    foundation: FoundationRef
    """What the pipeline builds on."""
    registry: RegistryRef
    """Where a model that proved itself is registered."""
    contract: InferenceContract
    """What the model is asked and what it answers."""
    model: ModelSpec
    """The model to train."""
    image: str
    """URI of the image that trains and serves, pinned by its digest."""
    periods: int | None = None
    """Parts in time of the training rows whose differences are usual to the monitor; 8 when left out."""
    approval: Approval | None = None
    """Who approves a registered model; a person when left out."""
    features: Sequence[FeatureContract] = field(default_factory=list)
    """Feature contracts that the model takes; not known when left out."""
    code_root: str | None = None
    """Directory that the code files are relative to; the program's own when left out."""

    def problems(self) -> Iterator[str]:
        """What is wrong with image, model and code."""
        yield from image_problems(self.image)
        if self.model.training is None:
            yield f"model must be trained, got {self.model.name!r}; use ModelSpec.trained(...)"
            return
        root = _root(self.code_root)
        for path in self.model.training.code:
            if not (root / path).is_file():
                yield f"model.training.code names {path!r}, which is not a file in {root}; correct the path"


class TrainingPipeline(pulumi.ComponentResource):
    """From raw data to a registered model that has proved itself."""

    pipeline_name: pulumi.Output[str]
    """Name of the pipeline."""
    pipeline_arn: pulumi.Output[str]
    """ARN of the pipeline."""
    training_digest: pulumi.Output[str]
    """Digest of everything that was declared about the training; a model that carries it is up to date."""

    def __init__(
        self, name: str, args: TrainingPipelineArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        args = TrainingPipelineArgs.of(args)
        super().__init__("headway:index:TrainingPipeline", name, {}, opts)
        training, evaluation = _declared(args.model)
        foundation = args.foundation
        code = {path: (_root(args.code_root) / path).read_bytes() for path in sorted(training.code)}
        code_digest = files_digest(code)
        contract_digest = args.contract.digest()
        feature_digests = {item.label: item.digest() for item in args.features}
        made_of = {
            "training": training.plain(),
            "evaluation": evaluation.plain(),
            "contract": contract_digest,
            "code": code_digest,
            "image": args.image,
        }
        training_digest = digest(made_of | ({"features": feature_digests} if feature_digests else {}))
        code_key = f"code/{short(code_digest)}"
        contract_key = f"contracts/{short(contract_digest)}"
        uploads = [
            self._upload(f"{name}-code-{_noun(path)}", f"{code_key}/{path}", content, args)
            for path, content in code.items()
        ]
        uploads.append(
            self._upload(
                f"{name}-contract",
                f"{contract_key}/{CONTRACT_FILE}",
                canonical_json(args.contract.document()),
                args,
            )
        )
        quality = self._quality(name, training, args)
        function = planner(
            f"{name}-plan",
            PlannerThings(foundation=foundation, registry=args.registry, training=training),
            self,
        )
        jobs = grant(f"{name}-jobs", foundation.training_role, _job_statements(args), parent=self)
        steps = grant(
            f"{name}-steps",
            foundation.pipeline_role,
            _pipeline_statements(args, quality, function.arn),
            parent=self,
        )
        network = foundation.network
        definition = pulumi.Output.all(
            role=foundation.training_role.arn,
            key=foundation.key_arn,
            data=foundation.data.name,
            artifacts=foundation.artifacts.name,
            function=function.arn,
            subnets=[] if network is None else list(network.subnet_ids),
            security_groups=[] if network is None else [network.security_group_id],
            quarantine_role=None if quality is None else quality.ref.role.arn,
            quarantine_key=None if quality is None else quality.ref.key_arn,
        ).apply(
            lambda known: _definition(
                TrainingPlan(
                    prefix=foundation.prefix,
                    contract=args.contract,
                    training=training,
                    evaluation=evaluation,
                    periods=DriftPlan().periods if args.periods is None else args.periods,
                    image=args.image,
                    role_arn=known["role"],
                    key_arn=known["key"],
                    data_bucket=known["data"],
                    artifacts_bucket=known["artifacts"],
                    function_arn=known["function"],
                    subnets=known["subnets"],
                    security_groups=known["security_groups"],
                    code_key=code_key,
                    contract_key=contract_key,
                    group=args.registry.group_name,
                    approval=APPROVED if args.approval is Approval.AUTOMATIC else PENDING,
                    metadata={
                        "contract_digest": contract_digest,
                        "code_digest": code_digest,
                        "training_digest": training_digest,
                        **({"features_digest": digest(feature_digests)} if feature_digests else {}),
                    },
                    features=args.features,
                    quality=None if quality is None else _quality_plan(args, training, quality, known),
                )
            )
        )
        pipeline = sagemaker.Pipeline(
            name,
            pipeline_name=foundation.prefix,
            pipeline_display_name=foundation.prefix,
            pipeline_description=f"Trains, judges and registers models of {foundation.prefix}",
            pipeline_definition=definition,
            role_arn=foundation.pipeline_role.arn,
            # An execution needs the code and the permissions from its first second.
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[*uploads, jobs, steps, *([] if quality is None else [quality])]
            ),
        )
        self._name = name
        self.pipeline_name = pipeline.pipeline_name
        self.pipeline_arn = pipeline.arn
        self.training_digest = pulumi.Output.from_input(training_digest)
        self.ref = PipelineRef(name=foundation.prefix, arn=pipeline.arn)
        self.code = TrainingCodeRef(code_key=code_key, contract_key=contract_key, features=training.features)
        self.register_outputs(
            {
                "pipelineName": self.pipeline_name,
                "pipelineArn": self.pipeline_arn,
                "trainingDigest": self.training_digest,
            }
        )

    def _quality(self, name: str, training: TrainingSpec, args: TrainingPipelineArgs) -> DataQuality | None:
        """What data is held to; None where nothing was declared."""
        if not training.data:
            return None
        return DataQuality(
            f"{name}-quality",
            DataQualityArgs(foundation=args.foundation, contracts=training.data, image=args.image),
            pulumi.ResourceOptions(parent=self),
        )

    def grant_start(self, role: RoleRef, name: str) -> iam.RolePolicy:
        """Lets a role start the pipeline.

        Args:
            role: Role that may start it.
            name: What the role is for, one word; part of the grant's name.
        """
        start = Statement(sid="Start", actions=_START, resources=[self.pipeline_arn])
        return grant(f"{self._name}-start-{name}", role, [start], parent=self)

    def _upload(self, name: str, key: str, content: bytes, args: TrainingPipelineArgs) -> s3.BucketObjectv2:
        return s3.BucketObjectv2(
            name,
            bucket=args.foundation.artifacts.name,
            key=key,
            content=content.decode("utf-8"),
            content_type="application/json" if key.endswith(".json") else "text/x-python",
            kms_key_id=args.foundation.key_arn,
            server_side_encryption="aws:kms",
            # What a registered model was made of stays, also when newer code takes its place.
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
        )


def _quality_plan(
    args: TrainingPipelineArgs, training: TrainingSpec, quality: DataQuality, known: Mapping[str, Any]
) -> QualityPlan:
    return QualityPlan(
        contracts=training.data,
        contracts_key=quality.ref.contracts_key,
        as_of={"Get": f"Steps.{PLAN}.OutputParameters['evaluate_until']"},
        artifacts_bucket=known["artifacts"],
        data_bucket=known["data"],
        prefix=args.foundation.prefix,
        machine=job_machine(
            training,
            image=args.image,
            role_arn=known["quarantine_role"],
            key_arn=known["quarantine_key"],
            subnets=known["subnets"],
            security_groups=known["security_groups"],
        ),
    )


def _definition(plan: TrainingPlan) -> str:
    return json.dumps(training_pipeline(plan), sort_keys=True)


def _declared(model: ModelSpec) -> tuple[TrainingSpec, EvaluationSpec]:
    assert model.training is not None
    assert model.evaluation is not None
    return model.training, model.evaluation


def _root(code_root: str | None) -> Path:
    return Path.cwd() if code_root is None else Path(code_root)


def _noun(path: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", path.lower().removesuffix(".py")).strip("-")


def _job_statements(args: TrainingPipelineArgs) -> list[Statement]:
    foundation = args.foundation
    return [
        *read(foundation.artifacts, "code/", "contracts/", "models/", "evaluations/", sid="Inputs"),
        *write(foundation.artifacts, "models/", "evaluations/", "baselines/", sid="Results"),
        *read(foundation.data, f"{foundation.prefix}/", sid="Data"),
        *write(foundation.data, f"{foundation.prefix}/", sid="Data"),
        attach_volumes(foundation.key_arn),
        *run_jobs(foundation, args.image, "TrainingJobs", "ProcessingJobs"),
    ]


def _pipeline_statements(
    args: TrainingPipelineArgs, quality: DataQuality | None, function_arn: pulumi.Input[str]
) -> list[Statement]:
    foundation = args.foundation
    roles = [foundation.training_role.arn, *([] if quality is None else [quality.ref.role.arn])]
    keys = [foundation.key_arn, *([] if quality is None else [quality.ref.key_arn])]
    return [
        *(
            Statement(
                sid=f"Run{''.join(word.capitalize() for word in kind.split('-'))}s",
                actions=(*(f"sagemaker:{action}" for action in actions), "sagemaker:AddTags"),
                resources=[sagemaker_arn(foundation, kind, "*")],
            )
            for kind, actions in _RUN_JOBS.items()
        ),
        *(
            Statement(
                sid=sid,
                actions=("iam:PassRole",),
                resources=[role],
                condition={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
            )
            for sid, role in zip(("RunAsTrainingRole", "RunAsQuarantineRole"), roles, strict=False)
        ),
        *read(foundation.artifacts, "models/", "evaluations/", "baselines/", sid="Evidence"),
        *(
            []
            if quality is None
            else read(foundation.data, f"{foundation.prefix}/executions/", sid="Verdict")
        ),
        Statement(sid="Plan", actions=("lambda:InvokeFunction",), resources=[function_arn]),
        Statement(sid="Encrypt", actions=ENCRYPT, resources=keys),
        Statement(sid="Volumes", actions=USE_VOLUMES, resources=keys, condition=FOR_AWS),
        use_models(args.registry, *REGISTER_MODELS, sid="Register"),
    ]
