"""A classifier behind a live endpoint: contracts, data and a handful of parameters in, a whole system out."""

from collections.abc import Sequence

from headway_components import (
    Answer,
    Approval,
    ArrivalPlan,
    ComplianceSpec,
    DataContract,
    DataRetention,
    DriftPlan,
    EvaluationSpec,
    FeatureContract,
    InferenceContract,
    LightGBM,
    ModelSignature,
    ModelSpec,
    MonitoringContract,
    ReleasePlan,
    ReviewPlan,
    SkewPlan,
    SystemSpec,
    TrainingSpec,
)


def realtime_classifier(
    name: str,
    *,
    features: FeatureContract | Sequence[FeatureContract],
    model: ModelSpec,
    answer: Answer | None = None,
    version: int = 1,
    maximum_latency_p99_ms: float = 100.0,
    maximum_error_rate_pct: float = 1.0,
    approval: Approval = Approval.AUTOMATIC,
    data_retention: DataRetention = DataRetention.KEEP,
    drift: DriftPlan | None = None,
    arrival: ArrivalPlan | None = None,
    purpose: str | None = None,
    review: ReviewPlan | None = None,
    skew: SkewPlan | None = None,
) -> SystemSpec:
    """A system that answers one row at a time with a probability.

    Args:
        name: Name of the system.
        features: What the data track delivers; the endpoint is asked with exactly these values, in order.
        model: The model that answers: `ModelSpec.placeholder()` from the first day, `baseline(...)` after it.
        answer: What the model answers; a probability when left out.
        version: Version of the inference contract; raise it when the features change.
        maximum_latency_p99_ms: Alarm above this 99th percentile latency, in milliseconds.
        maximum_error_rate_pct: Alarm above this share of failed requests, in percent.
        approval: Who lets a model go live that passed its evaluation.
        data_retention: Whether the stored data can be made again.
        drift: From when on live traffic drifts, and what follows; the default plan when left out.
        arrival: When batches that land start a training; the default plan when left out.
        purpose: What the answers are for; a model that takes personal data has to say it.
        review: Which answers people look at; none when left out.
        skew: How often what the endpoint was asked with is held against history; never when left out.

    Returns:
        The declared system.

    Raises:
        DeclarationError: with every problem, such as a model whose signature breaks the contract.
    """
    return SystemSpec(
        name=name,
        features=features,
        contract=InferenceContract.over(features, name=name, version=version, output=answer, purpose=purpose),
        model=model,
        monitoring=MonitoringContract(
            maximum_latency_p99_ms=maximum_latency_p99_ms, maximum_error_rate_pct=maximum_error_rate_pct
        ),
        release=ReleasePlan(approval=approval),
        drift=DriftPlan() if drift is None else drift,
        arrival=ArrivalPlan() if arrival is None else arrival,
        review=review,
        skew=skew,
        compliance=ComplianceSpec(data_retention=data_retention),
    )


def baseline(
    features: FeatureContract | Sequence[FeatureContract],
    *,
    ingest: str,
    build: str,
    code: Sequence[str],
    train_until: str,
    evaluate_until: str,
    evaluation: EvaluationSpec,
    algorithm: LightGBM | None = None,
    answer: Answer | None = None,
    data: Sequence[DataContract] = (),
) -> ModelSpec:
    """The simplest model that could work for a table: gradient-boosted trees that must beat the base rate.

    Args:
        features: What the model is trained on.
        ingest: `module:function` that yields the raw tables.
        build: `module:function` that turns the tables into inputs, label and event time.
        code: Files that the two functions need, relative to the program's directory.
        train_until: ISO date; rows before it train the model.
        evaluate_until: ISO date; rows from `train_until` to before it judge the model.
        evaluation: What the model has to prove.
        algorithm: The algorithm's parameters; its defaults when left out.
        answer: What the model answers; a probability when left out.
        data: What the raw tables, and the rows before training, must be like; nothing when left out.
    """
    return ModelSpec.trained(
        "baseline",
        signature=ModelSignature.over(features, output=answer),
        training=TrainingSpec(
            ingest=ingest,
            features=build,
            code=code,
            data=list(data),
            train_until=train_until,
            evaluate_until=evaluate_until,
            algorithm=LightGBM() if algorithm is None else algorithm,
        ),
        evaluation=evaluation,
    )
