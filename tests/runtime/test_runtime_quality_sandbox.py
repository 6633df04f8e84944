"""Bad data in a running pipeline: it stops with the reason and keeps the data under another key."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from headway_cli.aws import Aws
from headway_cli.training import execution_steps, failure_reason
from headway_components import ColumnType, DataColumn, DataContract, EvaluationSpec
from headway_components._quality_steps import QualityPlan
from headway_components._training_function import CODE as CODE_OF_PLANNER
from headway_components._training_function import HANDLER
from headway_components._training_steps import PENDING, TrainingPlan, job_machine, training_pipeline
from headway_runtime.contract import canonical_json
from headway_sandbox import lifecycle
from support.control import until
from support.example_system import CONTRACT, LOCAL_IMAGE, TRAINING
from support.functions import function_zip
from support.sandboxes import sandbox

ROLE = "arn:aws:iam::000000000000:role/any"
PLACE = "fraud-local"
PAYMENTS = DataContract(
    table="payments",
    columns=[
        DataColumn(name="payment", type=ColumnType.STRING, personal_data=True),
        DataColumn(name="amount", type=ColumnType.NUMBER, maximum=100),
    ],
    key=["payment"],
    minimum_pass_rate=0.5,
    landing=True,
)
ROWS = DataContract(
    table="training_rows", columns=[DataColumn(name="amount", type=ColumnType.NUMBER)], minimum_rows=50
)
CODE = {
    "__init__.py": "",
    "data.py": "def tables():\n    return []\n",
    "features.py": """
def build(connection, data_dir):
    return connection.sql(
        "SELECT amount, 'CH' AS country, 1 AS weekday, TRUE AS returning, TRUE AS label, "
        "TIMESTAMPTZ '2025-12-01' + to_days(unnest([0, 40])) AS event_time FROM payments"
    )
""",
}


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with sandbox(tmp_path_factory.mktemp("quality-sandbox")) as record:
        yield Aws(lifecycle.aws_environment(record))


def objects(aws: Aws, prefix: str) -> dict[str, Any]:
    found = aws.client("s3").list_objects_v2(Bucket="data", Prefix=f"{PLACE}/{prefix}").get("Contents", ())
    return {
        item["Key"].rpartition(f"{PLACE}/{prefix}")[2]: aws.client("s3").get_object(
            Bucket="data", Key=item["Key"]
        )
        for item in found
    }


def planner(aws: Aws) -> str:
    """A function that plans a training as declared."""
    made = aws.client("lambda").create_function(
        FunctionName=f"{PLACE}-plan",
        Runtime="python3.12",
        Handler=HANDLER,
        Role=ROLE,
        Timeout=60,
        Code={"ZipFile": function_zip(*CODE_OF_PLANNER)},
        Environment={
            "Variables": {
                "HEADWAY_ARTIFACTS_BUCKET": "artifacts",
                "HEADWAY_MONITOR_PREFIX": f"monitoring/{PLACE}",
                "HEADWAY_ENDPOINT": PLACE,
                "HEADWAY_VARIANT": "champion",
                "HEADWAY_JUDGE_NEWEST_D": "14",
            }
        },
    )
    return str(made["FunctionArn"])


@pytest.fixture(scope="module")
def quarantine_key(aws: Aws) -> str:
    """The pipeline with its contract, its code, and the key of its quarantine."""
    s3, kms = aws.client("s3"), aws.client("kms")
    key, other = (str(kms.create_key()["KeyMetadata"]["Arn"]) for _ in range(2))
    for bucket in ("data", "artifacts"):
        s3.create_bucket(Bucket=bucket)
    for name, text in CODE.items():
        s3.put_object(Bucket="artifacts", Key=f"code/1/fraud/{name}", Body=text.encode())
    contracts = {"tables": [PAYMENTS.plain(), ROWS.plain()]}
    s3.put_object(Bucket="artifacts", Key="contracts/1/contract.json", Body=json.dumps(CONTRACT.document()))
    s3.put_object(Bucket="artifacts", Key="contracts/2/data-contracts.json", Body=canonical_json(contracts))
    s3.put_object(Bucket="data", Key=f"{PLACE}/good/README.txt", Body=b"here")
    training = TRAINING.model_copy(update={"data": [PAYMENTS, ROWS]})
    machine = job_machine(
        training, image=LOCAL_IMAGE, role_arn=ROLE, key_arn=key, subnets=(), security_groups=()
    )
    quality = QualityPlan(
        contracts=training.data,
        contracts_key="contracts/2",
        as_of=training.evaluate_until,
        artifacts_bucket="artifacts",
        data_bucket="data",
        prefix=PLACE,
        machine=replace(machine, key_arn=other),
    )
    plan = TrainingPlan(
        prefix=PLACE,
        contract=CONTRACT,
        training=training,
        evaluation=EvaluationSpec(minimum_auc=0.6),
        periods=2,
        image=LOCAL_IMAGE,
        role_arn=ROLE,
        key_arn=key,
        data_bucket="data",
        artifacts_bucket="artifacts",
        code_key="code/1",
        contract_key="contracts/1",
        group="fraud",
        approval=PENDING,
        function_arn=planner(aws),
        subnets=(),
        security_groups=(),
        metadata={},
        quality=quality,
    )
    aws.client("sagemaker").create_pipeline(
        PipelineName=PLACE,
        PipelineDefinition=json.dumps(training_pipeline(plan)),
        RoleArn=ROLE,
        ClientRequestToken="q" * 32,
    )
    return other


def execute(aws: Aws) -> tuple[dict[str, str], str]:
    """Runs the pipeline; how each step ended, and what a person is told."""
    sagemaker = aws.client("sagemaker")
    arn = sagemaker.start_pipeline_execution(PipelineName=PLACE)["PipelineExecutionArn"]

    def ended() -> bool:
        found = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        return bool(found["PipelineExecutionStatus"] != "Executing")

    until(ended, "the end of the pipeline", 120)
    steps = execution_steps(aws, arn)
    return {step["StepName"]: step["StepStatus"] for step in steps}, str(failure_reason(aws, steps))


def test_bad_data_stops_the_pipeline_and_is_kept(aws: Aws, quarantine_key: str) -> None:
    land = aws.client("s3").put_object
    land(Bucket="data", Key=f"{PLACE}/landing/payments/1.csv", Body=b"payment,amount\nann,700\nbob,800\n")
    steps, why = execute(aws)
    kept = objects(aws, "quarantine/")

    assert steps == {
        "Plan": "Succeeded",
        "Ingest": "Succeeded",
        "SetAside": "Succeeded",
        "DataQuality": "Succeeded",
        "Quarantine": "Succeeded",
        "Refused": "Failed",
    }
    assert why.startswith("Refused: the data is refused: data contract of payments: ")
    assert "bad batches is 1: payments/1.csv, allowed is at most 0 (deliver them again" in why
    assert "amount: range: 2 rows fail, allowed is a finite number up to 100" in why
    assert {name.partition("/")[2] for name in kept} == {
        "payments/batches/payments/1.csv",
        "quality.html",
        "quality.json",
        "receipt.json",
    }
    assert {item["SSEKMSKeyId"] for item in kept.values()} == {quarantine_key}
    assert (
        "bob"
        not in next(item for name, item in kept.items() if name.endswith("html"))["Body"].read().decode()
    )
    assert set(objects(aws, "good/")) == {"README.txt"}

    # Corrected, and with one bad row that is set aside, it goes on; then the rows themselves are too few.
    land(Bucket="data", Key=f"{PLACE}/landing/payments/1.csv", Body=b"payment,amount\nann,70\nbob,800\n")
    steps, why = execute(aws)

    assert steps == {
        "Plan": "Succeeded",
        "Ingest": "Succeeded",
        "SetAside": "Succeeded",
        "DataQuality": "Succeeded",
        "Quarantine": "Succeeded",
        "Prepare": "Failed",
    }
    assert "data contract of training_rows: rows is 1, allowed is from 50 (find out what was delivered" in why
    assert set(objects(aws, "good/")) == {"README.txt", "profiles.json"}
