"""Typed Pulumi components: the vocabulary of an AI system."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headway_components._args import ArgsError
    from headway_components._declaration import Declaration, DeclarationError, Problem
    from headway_components.ai_system import AISystem, AISystemArgs
    from headway_components.arrival_plan import ArrivalPlan
    from headway_components.budget import Budget, BudgetArgs
    from headway_components.contracts import (
        Answer,
        Feature,
        FeatureContract,
        FeatureServing,
        FeatureVersion,
        FieldType,
        InferenceContract,
        MonitoringContract,
        PersonalData,
        Task,
    )
    from headway_components.data_arrival import DataArrival, DataArrivalArgs
    from headway_components.data_contract import ColumnType, DataColumn, DataContract, RowCheck
    from headway_components.data_quality import DataQuality, DataQualityArgs
    from headway_components.deployment import DataClassification, Deployment, Framework
    from headway_components.drift_monitor import DriftMonitor, DriftMonitorArgs
    from headway_components.drift_plan import DriftPlan
    from headway_components.endpoint import Endpoint, EndpointArgs
    from headway_components.feature_flag import FeatureFlag, FeatureFlagArgs
    from headway_components.feature_store import FeatureStore, FeatureStoreArgs
    from headway_components.foundation import Foundation, FoundationArgs
    from headway_components.image_repository import ImageRepository, ImageRepositoryArgs
    from headway_components.model import ModelSignature, ModelSource, ModelSpec, SignatureField
    from headway_components.model_registry import ModelRegistry, ModelRegistryArgs
    from headway_components.network import Network, NetworkArgs
    from headway_components.observability import Observability, ObservabilityArgs
    from headway_components.release import Release, ReleaseArgs
    from headway_components.release_plan import (
        Approval,
        Inconclusive,
        LadderStage,
        LateLabels,
        MetricName,
        Prices,
        ReleaseMetric,
        ReleasePlan,
        ShadowStage,
    )
    from headway_components.review_plan import ReviewPlan
    from headway_components.review_queue import ReviewQueue, ReviewQueueArgs
    from headway_components.skew_monitor import SkewMonitor, SkewMonitorArgs
    from headway_components.skew_plan import SkewPlan
    from headway_components.spec import ComplianceSpec, DataRetention, SystemSpec
    from headway_components.stack import deploy, user_errors
    from headway_components.trail import Trail, TrailArgs
    from headway_components.training import EvaluationSpec, Floor, LightGBM, TrainingSpec
    from headway_components.training_pipeline import TrainingPipeline, TrainingPipelineArgs

# Declarations load without Pulumi, and a component loads only the provider modules that it uses.
_HOMES = {
    "_args": ("ArgsError",),
    "_declaration": ("Declaration", "DeclarationError", "Problem"),
    "ai_system": ("AISystem", "AISystemArgs"),
    "arrival_plan": ("ArrivalPlan",),
    "budget": ("Budget", "BudgetArgs"),
    "contracts": (
        *(
            "Answer",
            "Feature",
            "FeatureContract",
            "FeatureServing",
            "FeatureVersion",
            "FieldType",
            "InferenceContract",
            "MonitoringContract",
            "PersonalData",
            "Task",
        ),
    ),
    "review_plan": ("ReviewPlan",),
    "review_queue": ("ReviewQueue", "ReviewQueueArgs"),
    "data_contract": ("ColumnType", "DataColumn", "DataContract", "RowCheck"),
    "data_arrival": ("DataArrival", "DataArrivalArgs"),
    "data_quality": ("DataQuality", "DataQualityArgs"),
    "deployment": ("DataClassification", "Deployment", "Framework"),
    "drift_monitor": ("DriftMonitor", "DriftMonitorArgs"),
    "drift_plan": ("DriftPlan",),
    "endpoint": ("Endpoint", "EndpointArgs"),
    "feature_flag": ("FeatureFlag", "FeatureFlagArgs"),
    "feature_store": ("FeatureStore", "FeatureStoreArgs"),
    "foundation": ("Foundation", "FoundationArgs"),
    "image_repository": ("ImageRepository", "ImageRepositoryArgs"),
    "model": ("ModelSignature", "ModelSource", "ModelSpec", "SignatureField"),
    "model_registry": ("ModelRegistry", "ModelRegistryArgs"),
    "network": ("Network", "NetworkArgs"),
    "observability": ("Observability", "ObservabilityArgs"),
    "release": ("Release", "ReleaseArgs"),
    "release_plan": (
        *("Approval", "Inconclusive", "LadderStage", "LateLabels", "MetricName", "Prices"),
        *("ReleaseMetric", "ReleasePlan", "ShadowStage"),
    ),
    "skew_monitor": ("SkewMonitor", "SkewMonitorArgs"),
    "skew_plan": ("SkewPlan",),
    "spec": ("ComplianceSpec", "DataRetention", "SystemSpec"),
    "stack": ("deploy", "user_errors"),
    "trail": ("Trail", "TrailArgs"),
    "training": ("EvaluationSpec", "Floor", "LightGBM", "TrainingSpec"),
    "training_pipeline": ("TrainingPipeline", "TrainingPipelineArgs"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "AISystem",
    "AISystemArgs",
    "Answer",
    "Approval",
    "ArgsError",
    "ArrivalPlan",
    "Budget",
    "BudgetArgs",
    "ColumnType",
    "ComplianceSpec",
    "DataArrival",
    "DataArrivalArgs",
    "DataClassification",
    "DataColumn",
    "DataContract",
    "DataQuality",
    "DataQualityArgs",
    "DataRetention",
    "Declaration",
    "DeclarationError",
    "Deployment",
    "DriftMonitor",
    "DriftMonitorArgs",
    "DriftPlan",
    "Endpoint",
    "EndpointArgs",
    "EvaluationSpec",
    "Feature",
    "FeatureContract",
    "FeatureFlag",
    "FeatureFlagArgs",
    "FeatureServing",
    "FeatureStore",
    "FeatureStoreArgs",
    "FeatureVersion",
    "FieldType",
    "Floor",
    "Foundation",
    "FoundationArgs",
    "Framework",
    "ImageRepository",
    "ImageRepositoryArgs",
    "Inconclusive",
    "InferenceContract",
    "LadderStage",
    "LateLabels",
    "LightGBM",
    "MetricName",
    "ModelRegistry",
    "ModelRegistryArgs",
    "ModelSignature",
    "ModelSource",
    "ModelSpec",
    "MonitoringContract",
    "Network",
    "NetworkArgs",
    "Observability",
    "ObservabilityArgs",
    "PersonalData",
    "Prices",
    "Problem",
    "Release",
    "ReleaseArgs",
    "ReleaseMetric",
    "ReleasePlan",
    "ReviewPlan",
    "ReviewQueue",
    "ReviewQueueArgs",
    "RowCheck",
    "ShadowStage",
    "SignatureField",
    "SkewMonitor",
    "SkewMonitorArgs",
    "SkewPlan",
    "SystemSpec",
    "Task",
    "Trail",
    "TrailArgs",
    "TrainingPipeline",
    "TrainingPipelineArgs",
    "TrainingSpec",
    "deploy",
    "user_errors",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any exported name
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
