"""The reference system, declared: will a flight from New York arrive 15 or more minutes late?"""

from flight_delay.data_contracts import FLIGHT_ROWS, TRAINING_ROWS, WEATHER_ROWS
from flight_delay.features import SCHEDULE, WEATHER
from headway_blueprints import baseline, realtime_classifier
from headway_components import (
    Answer,
    DataRetention,
    DriftPlan,
    EvaluationSpec,
    FeatureContract,
    FeatureServing,
    ReviewPlan,
    SkewPlan,
)

FLIGHTS = FeatureContract.over(
    SCHEDULE,
    code="flight_delay.features:SCHEDULE",
    owner="flight-operations",
    description="What the schedule says of a flight",
)
WEATHER_AT_ORIGIN = FeatureContract.over(
    WEATHER,
    code="flight_delay.features:WEATHER",
    owner="flight-operations",
    description="The weather at an airport, observed every hour",
    served=FeatureServing.STORED,
)
FEATURES = [FLIGHTS, WEATHER_AT_ORIGIN]

BASELINE = baseline(
    FEATURES,
    ingest="flight_delay.data:tables",
    build="flight_delay.features:build",
    code=["flight_delay/__init__.py", "flight_delay/data.py", "flight_delay/features.py"],
    data=[FLIGHT_ROWS, WEATHER_ROWS, TRAINING_ROWS],
    train_until="2013-09-01",
    evaluate_until="2013-11-01",
    evaluation=EvaluationSpec(
        minimum_logloss_improvement=0.08, minimum_auc=0.66, maximum_auc=0.80, slices=["carrier", "origin"]
    ),
)

FLIGHT_DELAY = realtime_classifier(
    "flight-delay",
    features=FEATURES,
    model=BASELINE,  # ModelSpec.placeholder() before the first training
    answer=Answer(prior=0.24),
    data_retention=DataRetention.REPRODUCIBLE,
    # A month is as long as the parts of the training rows whose differences count as seasons; two points more
    # or fewer late flights than in any of them are worth a new model.
    drift=DriftPlan(every_h=24 * 30, lasting_windows=2, maximum_label_share_change=0.02),
    # A row is computed by the same expressions in training and in serving; any that differs is a fault.
    skew=SkewPlan(maximum_share=0.01),
    review=ReviewPlan(minimum_confidence=0.55, maximum_a_day=50),
)
