"""The reference system, declared: will a flight from New York arrive 15 or more minutes late?"""

from flight_delay.features import FEATURES
from headway_blueprints import baseline, realtime_classifier
from headway_components import Answer, DataRetention, EvaluationSpec, FeatureContract

FLIGHTS = FeatureContract.of("flights", FEATURES, entity=["carrier", "flight", "origin"])

BASELINE = baseline(
    FLIGHTS,
    ingest="flight_delay.data:tables",
    build="flight_delay.features:build",
    code=["flight_delay/__init__.py", "flight_delay/data.py", "flight_delay/features.py"],
    train_until="2013-09-01",
    evaluate_until="2013-11-01",
    evaluation=EvaluationSpec(
        minimum_logloss_improvement=0.08, minimum_auc=0.66, maximum_auc=0.80, slices=["carrier", "origin"]
    ),
)

FLIGHT_DELAY = realtime_classifier(
    "flight-delay",
    features=FLIGHTS,
    model=BASELINE,  # ModelSpec.placeholder() before the first training
    answer=Answer(prior=0.24),
    data_retention=DataRetention.REPRODUCIBLE,
)
