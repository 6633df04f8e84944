"""AISystem: one declared system, whole, from its keys to its alarms."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pulumi

from headway_components._args import Args
from headway_components._tags import tagged
from headway_components.budget import Budget, BudgetArgs
from headway_components.deployment import Deployment
from headway_components.endpoint import Endpoint, EndpointArgs
from headway_components.feature_flag import FeatureFlag, FeatureFlagArgs
from headway_components.foundation import Foundation, FoundationArgs
from headway_components.model import ModelSource
from headway_components.model_registry import ModelRegistry, ModelRegistryArgs
from headway_components.observability import Observability, ObservabilityArgs
from headway_components.release import Release, ReleaseArgs
from headway_components.release_plan import ReleasePlan
from headway_components.review_plan import ReviewPlan
from headway_components.spec import DataRetention, SystemSpec


@dataclass(frozen=True, kw_only=True)
class AISystemArgs(Args):
    """Arguments of an AISystem."""

    spec: SystemSpec
    """The declared system."""
    deployment: Deployment
    """Where it is deployed and how big it is there."""
    code_root: str | None = None
    """Directory that the declared code files are relative to; the program's own when left out."""

    def problems(self) -> Iterator[str]:
        """Features that speak of people, where the environment says that it holds none."""
        if self.deployment.personal_data:
            return
        for contract in self.spec.features:
            if contract.personal():
                yield (
                    f"deployment.personal_data is false, and {', '.join(contract.personal())} of "
                    f"{contract.label} speak of people; set headway:personalData to true"
                )


class AISystem(pulumi.ComponentResource):
    """One declared AI system."""

    outputs: dict[str, Any]
    """What the command line and other programs need to know about the live system."""

    def __init__(self, name: str, args: AISystemArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = AISystemArgs.of(args)
        super().__init__(
            "headway:index:AISystem", name, {}, tagged(opts, args.deployment, system=args.spec.name)
        )
        spec, deployment = args.spec, args.deployment
        child = pulumi.ResourceOptions(parent=self)
        self.foundation = Foundation(f"{name}-foundation", _foundation_args(spec, deployment), child)
        foundation = self.foundation.ref
        self.registry = ModelRegistry(f"{name}-registry", ModelRegistryArgs(foundation=foundation), child)
        self.switch = FeatureFlag(f"{name}-switch", FeatureFlagArgs(foundation=foundation), child)
        self.release = Release(
            f"{name}-release",
            ReleaseArgs(
                foundation=foundation,
                registry=self.registry.ref,
                contract=spec.contract,
                plan=_here(spec.release, deployment),
                samples_pct=deployment.release_samples_pct,
                poll_s=deployment.release_poll_s,
                metrics_period_s=deployment.metrics_period_s,
                switch=self.switch.ref,
            ),
            child,
        )
        self.endpoint = Endpoint(
            f"{name}-endpoint",
            EndpointArgs(
                foundation=foundation,
                contract=spec.contract,
                image=deployment.image,
                monitoring=spec.monitoring,
                instance_type=deployment.instance_type,
                instance_count=deployment.instance_count,
                maximum_instance_count=deployment.maximum_instance_count,
                requests_per_machine_per_minute=deployment.requests_per_machine_per_minute,
                release=self.release.ref,
            ),
            # The release machine is there before the endpoint, and still there to clean up after it.
            pulumi.ResourceOptions(parent=self, depends_on=[self.release]),
        )
        self.observability = Observability(
            f"{name}-observability",
            ObservabilityArgs(
                foundation=foundation,
                endpoint=self.endpoint.ref,
                silence_is_outage=deployment.silence_is_outage,
                monitoring=spec.monitoring,
            ),
            child,
        )
        if deployment.monthly_budget_usd is not None:
            Budget(
                f"{name}-budget",
                BudgetArgs(
                    foundation=foundation,
                    monthly_limit_usd=deployment.monthly_budget_usd,
                    topic_arn=self.observability.topic_arn,
                ),
                child,
            )
        features = self._features(name, spec)
        reviewed = {} if spec.review is None else self._review(name, spec, spec.review)
        trained = self._training(name, args) if spec.model.source is ModelSource.TRAINED else {}
        self.outputs = {**self._known(spec), **features, **reviewed, **trained}
        self.register_outputs({"outputs": self.outputs})

    def _features(self, name: str, spec: SystemSpec) -> dict[str, Any]:
        """The feature store, where anything is stored, and what everybody can know about the features."""
        groups: dict[str, str] = {}
        places: dict[str, Any] = {}
        eraser = None
        if spec.stored_features():
            # A system that stores no features needs none of this.
            from headway_components.feature_store import FeatureStore, FeatureStoreArgs  # noqa: PLC0415

            foundation = self.foundation.ref
            self.feature_store = FeatureStore(
                f"{name}-features",
                FeatureStoreArgs(foundation=foundation, contracts=spec.stored_features()),
                pulumi.ResourceOptions(parent=self),
            )
            self.feature_store.grant_read(foundation.training_role, "training", *spec.stored_features())
            groups, places = self.feature_store.group_names, self.feature_store.offline_uris
            eraser = self.feature_store.eraser_role_arn
        taken = spec.taken_features()
        features = [
            {
                "label": item.label,
                "digest": item.digest(),
                "taken": item in taken,
                "group_name": groups.get(item.label),
                "offline_uri": places.get(item.label),
                "contract": item.plain(),
            }
            for item in spec.features
        ]
        return {"features": features, **({} if eraser is None else {"eraser_role_arn": eraser})}

    def _review(self, name: str, spec: SystemSpec, plan: ReviewPlan) -> dict[str, Any]:
        """The queue of answers that people look at, and what is known about it."""
        from headway_components.review_queue import ReviewQueue, ReviewQueueArgs  # noqa: PLC0415

        self.review = ReviewQueue(
            f"{name}-review",
            ReviewQueueArgs(
                foundation=self.foundation.ref,
                endpoint=self.endpoint.ref,
                contract=spec.contract,
                plan=plan,
            ),
            pulumi.ResourceOptions(parent=self),
        )
        return {
            "review": {
                "table_name": self.review.table_name,
                "function_name": self.review.function_name,
                "lease_s": plan.lease_min * 60,
            }
        }

    def _training(self, name: str, args: AISystemArgs) -> dict[str, Any]:
        """The pipeline of a trained model, and what is known about it."""
        # A system with a placeholder needs none of this.
        from headway_components.drift_monitor import DriftMonitor, DriftMonitorArgs  # noqa: PLC0415
        from headway_components.training_pipeline import (  # noqa: PLC0415
            TrainingPipeline,
            TrainingPipelineArgs,
        )

        spec = args.spec
        foundation = self.foundation.ref
        self.training = TrainingPipeline(
            f"{name}-training",
            TrainingPipelineArgs(
                foundation=foundation,
                registry=self.registry.ref,
                contract=spec.contract,
                model=spec.model,
                image=args.deployment.image,
                periods=spec.drift.periods,
                approval=spec.release.approval,
                features=spec.taken_features(),
                code_root=args.code_root,
            ),
            pulumi.ResourceOptions(parent=self),
        )
        evaluation = spec.model.evaluation
        self.drift = DriftMonitor(
            f"{name}-drift",
            DriftMonitorArgs(
                foundation=foundation,
                registry=self.registry.ref,
                endpoint=self.endpoint.ref,
                training=self.training.ref,
                image=args.deployment.image,
                topic_arn=self.observability.topic_arn,
                plan=spec.drift.rehearsed() if args.deployment.drift_rehearsal else spec.drift,
                slices=() if evaluation is None else evaluation.slices,
            ),
            pulumi.ResourceOptions(parent=self),
        )
        return {
            **self._arrival(name, args),
            **self._skew(name, args),
            "pipeline_name": self.training.pipeline_name,
            "training_digest": self.training.training_digest,
            "ingest_code": None if spec.model.training is None else spec.model.training.ingest,
            "feature_code": None if spec.model.training is None else spec.model.training.features,
            "evaluation": None if evaluation is None else evaluation.plain(),
            "monitor_pipeline_name": self.drift.pipeline_name,
            "monitor_schedule_name": self.drift.schedule_name,
            "monitor_alarm_name": self.drift.alarm_name,
            "labels_uri": self.drift.labels_uri,
            "drift": spec.drift.plain(),
        }

    def _arrival(self, name: str, args: AISystemArgs) -> dict[str, Any]:
        """What starts a training when data lands, and what is known about it; nothing where none does."""
        spec = args.spec
        tables = [] if spec.model.training is None else spec.model.training.landing_tables()
        if not tables or spec.arrival.maximum_retrainings == 0:
            return {}
        from headway_components.data_arrival import DataArrival, DataArrivalArgs  # noqa: PLC0415

        rehearsal = args.deployment.drift_rehearsal
        self.arrival = DataArrival(
            f"{name}-arrival",
            DataArrivalArgs(
                foundation=self.foundation.ref,
                training=self.training.ref,
                tables=tables,
                plan=spec.arrival.rehearsed() if rehearsal else spec.arrival,
                poll_s=args.deployment.release_poll_s if rehearsal else None,
            ),
            # What starts the pipeline is told only of what lands once the landing place is there.
            pulumi.ResourceOptions(parent=self, depends_on=[self.training]),
        )
        return {
            "landing_uri": self.arrival.landing_uri,
            "arrival_machine_arn": self.arrival.state_machine_arn,
        }

    def _skew(self, name: str, args: AISystemArgs) -> dict[str, Any]:
        """What measures training-serving skew, and what is known about it; nothing if it is not declared."""
        spec, deployment = args.spec, args.deployment
        if spec.skew is None:
            return {}
        from headway_components.skew_monitor import SkewMonitor, SkewMonitorArgs  # noqa: PLC0415

        self.skew = SkewMonitor(
            f"{name}-skew",
            SkewMonitorArgs(
                foundation=self.foundation.ref,
                endpoint=self.endpoint.ref,
                code=self.training.code,
                image=deployment.image,
                topic_arn=self.observability.topic_arn,
                plan=spec.skew.rehearsed() if deployment.drift_rehearsal else spec.skew,
                personal=any(contract.personal() for contract in spec.features),
            ),
            pulumi.ResourceOptions(parent=self),
        )
        return {
            "skew_pipeline_name": self.skew.pipeline_name,
            "skew_schedule_name": self.skew.schedule_name,
            "skew_alarm_name": self.skew.alarm_name,
        }

    def _known(self, spec: SystemSpec) -> dict[str, Any]:
        foundation = self.foundation.ref
        return {
            "endpoint_name": self.endpoint.endpoint_name,
            "base_endpoint_config_name": self.endpoint.base_config_name,
            "model_package_group_name": self.registry.group_name,
            "release_state_machine_arn": self.release.state_machine_arn,
            "release_table_name": self.release.table_name,
            "desired": self.release.standing.apply(lambda standing: standing.desired),
            "serving": self.release.standing.apply(lambda standing: standing.serving),
            "why": self.release.standing.apply(lambda standing: standing.why),
            "switch": dict(vars(self.switch.ref)),
            "buckets": {
                "data": foundation.data.name,
                "artifacts": foundation.artifacts.name,
                "capture": foundation.capture.name,
                "audit": foundation.audit.name,
            },
            "contract": spec.contract.document(),
            "contract_digest": spec.contract.digest(),
            "dashboard_name": self.observability.dashboard_name,
            "alarms": self.observability.alarm_names,
            "model": spec.model.name,
        }


def _here(plan: ReleasePlan, deployment: Deployment) -> ReleasePlan:
    """The plan with what the environment says otherwise."""
    longest = deployment.release_maximum_duration_s
    return plan if longest is None else plan.model_copy(update={"maximum_duration_s": longest})


def _foundation_args(spec: SystemSpec, deployment: Deployment) -> FoundationArgs:
    return FoundationArgs(
        system=spec.name,
        account_id=deployment.account_id,
        region=deployment.region,
        log_retention_days=spec.compliance.log_retention_days,
        reproducible_data=spec.compliance.data_retention is DataRetention.REPRODUCIBLE,
        destroy_data=None if deployment.retain_data is None else not deployment.retain_data,
        personal_data=deployment.personal_data,
        private_network=deployment.private_network,
        network_cidr=deployment.network_cidr,
        availability_zones=deployment.availability_zones,
        audit_trail=deployment.audit_trail,
        feature_store=bool(spec.stored_features()),
        feature_retention_d={
            item.label: days for item in spec.stored_features() if (days := item.retention_d()) is not None
        },
    )
