"""A small declared system, plain and with everything set."""

from pathlib import Path

from headway_components import (
    Answer,
    Approval,
    ArrivalPlan,
    ColumnType,
    ComplianceSpec,
    DataClassification,
    DataColumn,
    DataContract,
    DataRetention,
    Deployment,
    DriftPlan,
    EvaluationSpec,
    Feature,
    FeatureContract,
    FeatureServing,
    FieldType,
    Framework,
    InferenceContract,
    LightGBM,
    ModelSignature,
    ModelSpec,
    MonitoringContract,
    PersonalData,
    ReleasePlan,
    ReviewPlan,
    RowCheck,
    SkewPlan,
    SystemSpec,
    TrainingSpec,
)

DIGEST = "5d1a3b0c4e8f97260b3d5a7c9e1f2042648a6c8ea0c2e4f60718293a4b5c6d7e"
LOCAL_IMAGE = f"headway-runtime@sha256:{DIGEST}"
ECR_IMAGE = f"000000000000.dkr.ecr.us-east-1.amazonaws.com/team/headway-runtime@sha256:{DIGEST}"
CODE = {"fraud/data.py": "def tables(): ...\n", "fraud/features.py": "def build(connection, data_dir): ...\n"}

PAYMENTS = FeatureContract(
    name="payments",
    entity=["payment"],
    features=[
        Feature(name="amount", type=FieldType.NUMBER, minimum=0),
        Feature(name="country", type=FieldType.STRING, values=["CH", "DE"], closed=True),
        Feature(name="weekday", type=FieldType.INTEGER, minimum=1, maximum=7),
        Feature(name="returning", type=FieldType.BOOLEAN, nullable=True),
    ],
)
CUSTOMERS = FeatureContract(
    name="customers",
    version=2,
    entity=["customer"],
    features=[
        Feature(
            name="age_y",
            type=FieldType.INTEGER,
            minimum=0,
            freshness_s=3_600,
            description="Completed years",
            personal_data=PersonalData(purposes=["credit", "fraud prevention"], retention_d=90),
        ),
        Feature(name="orders", type=FieldType.INTEGER, owner="orders"),
        Feature(name="spent_usd", type=FieldType.NUMBER),
    ],
    served=FeatureServing.STORED,
    ttl_s=172_800,
    owner="customer-data",
    description="Who buys",
)
CONTRACT = InferenceContract.over(PAYMENTS, name="fraud")
PAYMENT_ROWS = DataContract(
    table="payments",
    columns=[
        DataColumn(name="payment", type=ColumnType.STRING, personal_data=True),
        DataColumn(name="paid_at", type=ColumnType.TIMESTAMP),
        DataColumn(name="amount", type=ColumnType.NUMBER, minimum=0, maximum_shift=0.25),
        DataColumn(
            name="country",
            type=ColumnType.STRING,
            values=["CH", "DE"],
            nullable=True,
            minimum_completeness=0.9,
        ),
    ],
    key=["payment"],
    time="paid_at",
    row_checks=[
        RowCheck(name="small in DE", sql="country <> 'DE' OR amount < 10000", fix="ask the German branch")
    ],
    minimum_pass_rate=0.99,
    minimum_rows=1_000,
    maximum_age_h=48,
    maximum_bad_batches=2,
    landing=True,
)
TRAINING = TrainingSpec(
    ingest="fraud.data:tables",
    features="fraud.features:build",
    code=sorted(CODE),
    train_until="2026-01-01",
    evaluate_until="2026-03-01",
)
BASELINE = ModelSpec.trained(
    "baseline",
    signature=ModelSignature.over(PAYMENTS),
    training=TRAINING,
    evaluation=EvaluationSpec(minimum_logloss_improvement=0.01),
)

DEFAULTS = SystemSpec(name="fraud", contract=CONTRACT, model=ModelSpec.placeholder())
DEPLOYMENT = Deployment(environment="local", account_id="000000000000", region="us-east-1", image=LOCAL_IMAGE)

MAX = SystemSpec(
    name="fraud",
    features=[PAYMENTS, CUSTOMERS],
    contract=InferenceContract.over(PAYMENTS, name="fraud", version=3, output=Answer(prior=0.01)),
    model=ModelSpec.trained(
        "baseline",
        signature=ModelSignature.over(PAYMENTS),
        training=TRAINING.model_copy(
            update={
                "algorithm": LightGBM(num_boost_round=50, learning_rate=0.1, seed=7),
                "instance_type": "ml.m5.xlarge",
                "volume_size_gib": 100,
                "max_runtime_s": 7_200,
                "data": [PAYMENT_ROWS],
            }
        ),
        evaluation=EvaluationSpec(
            minimum_logloss_improvement=0.05,
            minimum_auc=0.6,
            maximum_auc=0.95,
            slices=["country"],
            minimum_slice_logloss_improvement=0.01,
            minimum_group_size=100,
        ),
    ),
    monitoring=MonitoringContract(
        capture_sampling_pct=10,
        maximum_latency_p99_ms=50,
        maximum_error_rate_pct=0.5,
        period_s=120,
        periods=5,
    ),
    release=ReleasePlan.load(
        {
            "approval": Approval.AUTOMATIC.value,
            "maximum_duration_s": 1_800,
            "ladder": [0, 1, 5, 25, 50, 100],
            "metrics": [
                {"name": "errors", "ceiling": 2},
                {"name": "latency", "tolerance_ratio": 1.2},
                {"name": "cost_per_thousand_usd", "tolerance_ratio": 1.5},
                {"name": "quality", "required": False},
            ],
            "prices": {"instance_hour_usd": 0.23},
            "labels": {"prefix": "labels"},
        }
    ),
    drift=DriftPlan(
        every_h=1,
        maximum_distance=0.2,
        minimum_rows=2_000,
        lasting_windows=5,
        periods=26,
        retrain_every_d=7,
        instance_type="ml.m5.xlarge",
        max_runtime_s=1_800,
    ),
    arrival=ArrivalPlan(settle_s=120, cool_down_h=6, maximum_retrainings=20),
    skew=SkewPlan(every_h=12, delay_h=6, maximum_share=0.02),
    review=ReviewPlan(
        minimum_confidence=0.7, maximum_a_day=20, double_share=0.25, retention_d=7, every_min=5
    ),
    compliance=ComplianceSpec(data_retention=DataRetention.REPRODUCIBLE, log_retention_days=30),
)
MAX_DEPLOYMENT = Deployment(
    environment="prod",
    account_id="000000000000",
    region="us-east-1",
    image=ECR_IMAGE,
    instance_type="ml.c5.xlarge",
    instance_count=3,
    data_classification=DataClassification.RESTRICTED,
    owner="payments",
    cost_center="cc-4711",
    frameworks=[Framework.SOC2, Framework.HIPAA],
    personal_data=True,
    network_cidr="10.8.0.0/20",
    availability_zones=["us-east-1a", "us-east-1b", "us-east-1d"],
    maximum_instance_count=9,
    requests_per_machine_per_minute=1_200,
    silence_is_outage=True,
    monthly_budget_usd=4_000,
    release_poll_s=5,
)


def write_code(directory: Path) -> Path:
    """Writes the system's code files, and answers where they are."""
    for path, text in CODE.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(text, "utf-8")
    return directory
