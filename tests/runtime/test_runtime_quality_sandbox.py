"""Data that lands on a sandbox: what is new trains once, bad data stops with the reason and is kept apart."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headway_cli.aws import Aws
from headway_cli.training import execution_steps, failure_reason
from headway_components import ColumnType, DataColumn, DataContract, EvaluationSpec, data_arrival
from headway_components._arrival_definition import arrival_definition, landed_pattern
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
        DataColumn(name="paid_at", type=ColumnType.TIMESTAMP),
    ],
    key=["payment"],
    time="paid_at",
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
        "SELECT amount, 'CH' AS country, 1 AS weekday, TRUE AS returning, amount > 50 AS label, "
        "paid_at + to_days(unnest([0, 40])) AS event_time FROM payments"
    )
""",
}


@pytest.fixture(scope="module")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("quality-sandbox")
    with sandbox(made):
        yield made


def clients(state_dir: Path) -> Aws:
    """Clients of the sandbox, which is started where it does not run."""
    return Aws(lifecycle.aws_environment(lifecycle.start(state_dir, 0)))


@pytest.fixture(scope="module")
def aws(state_dir: Path) -> Aws:
    return clients(state_dir)


def objects(aws: Aws, prefix: str) -> dict[str, Any]:
    found = aws.client("s3").list_objects_v2(Bucket="data", Prefix=f"{PLACE}/{prefix}").get("Contents", ())
    return {
        item["Key"].rpartition(f"{PLACE}/{prefix}")[2]: aws.client("s3").get_object(
            Bucket="data", Key=item["Key"]
        )
        for item in found
    }


def function(aws: Aws, noun: str, handler: str, code: tuple[str, ...], settings: dict[str, str]) -> str:
    """A function of the stack; its ARN."""
    made = aws.client("lambda").create_function(
        FunctionName=f"{PLACE}-{noun}",
        Runtime="python3.12",
        Handler=handler,
        Role=ROLE,
        Timeout=60,
        Code={"ZipFile": function_zip(*code)},
        Environment={"Variables": {f"HEADWAY_{key.upper()}": value for key, value in settings.items()}},
    )
    return str(made["FunctionArn"])


def planner(aws: Aws) -> str:
    """A function that plans a training."""
    settings = {
        "artifacts_bucket": "artifacts",
        "monitor_prefix": f"monitoring/{PLACE}",
        "endpoint": PLACE,
        "variant": "champion",
        "judge_newest_d": "14",
    }
    return function(aws, "plan", HANDLER, CODE_OF_PLANNER, settings)


def listen(aws: Aws) -> None:
    """What starts the pipeline when something lands."""
    settings = {
        "data_bucket": "data",
        "landing_prefix": f"{PLACE}/landing",
        "tables": "payments",
        "training_pipeline": PLACE,
        "settle_s": "1",
        "poll_s": "0",
        "cool_down_s": "0",
        "maximum_retrainings": "100",
    }
    looker = function(aws, "arrival", data_arrival.HANDLER, data_arrival.CODE, settings)
    machine = aws.client("stepfunctions").create_state_machine(
        name=PLACE,
        definition=json.dumps(arrival_definition(function_arn=looker, settle_s=1)),
        roleArn=ROLE,
    )["stateMachineArn"]
    pattern = landed_pattern("data", f"{PLACE}/landing", ["payments"])
    aws.client("events").put_rule(Name=PLACE, EventPattern=json.dumps(pattern))
    aws.client("events").put_targets(Rule=PLACE, Targets=[{"Id": "1", "Arn": machine, "RoleArn": ROLE}])
    aws.client("s3").put_bucket_notification_configuration(
        Bucket="data", NotificationConfiguration={"EventBridgeConfiguration": {}}
    )


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
    aws.client("sagemaker").create_model_package_group(ModelPackageGroupName="fraud")
    listen(aws)
    return other


def executions(aws: Aws) -> list[dict[str, Any]]:
    """The executions of the pipeline, the newest first."""
    listed = aws.client("sagemaker").list_pipeline_executions(PipelineName=PLACE)
    found: list[dict[str, Any]] = listed["PipelineExecutionSummaries"]
    return found


def settled(aws: Aws) -> dict[str, int]:
    """How the machines behind the files that landed ended, once none of them goes on."""
    (machine,) = aws.client("stepfunctions").list_state_machines()["stateMachines"]

    def ended() -> list[dict[str, Any]] | None:
        pages = aws.client("stepfunctions").get_paginator("list_executions")
        found = [
            item
            for page in pages.paginate(stateMachineArn=machine["stateMachineArn"])
            for item in page["executions"]
        ]
        return None if any(item["status"] == "RUNNING" for item in found) else found

    return Counter(item["status"] for item in until(ended, "the end of all machines", 120))


def last(aws: Aws) -> tuple[dict[str, str], str]:
    """How each step of the newest execution ended, and what a person is told."""
    steps = execution_steps(aws, executions(aws)[0]["PipelineExecutionArn"])
    return {step["StepName"]: step["StepStatus"] for step in steps}, str(failure_reason(aws, steps))


def rows(first: int, count: int, month: str = "2025-12") -> bytes:
    """Payments of different amounts, on the first twenty days of a month."""
    lines = [
        f"p{number},{number * 37 % 100},{month}-{number % 20 + 1:02}"
        for number in range(first, first + count)
    ]
    return "\n".join(["payment,amount,paid_at", *lines, ""]).encode()


def test_bad_data_stops_the_pipeline_and_is_kept(aws: Aws, quarantine_key: str) -> None:
    land = aws.client("s3").put_object
    bad = b"payment,amount,paid_at\nann,700,2025-12-01\nbob,800,2025-12-01\n"
    land(Bucket="data", Key=f"{PLACE}/landing/payments/1.csv", Body=bad)
    until(lambda: executions(aws), "the start of the pipeline")
    assert settled(aws) == {"SUCCEEDED": 1}
    steps, why = last(aws)
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
    aws.client("events").disable_rule(Name=PLACE)
    land(Bucket="data", Key=f"{PLACE}/landing/payments/1.csv", Body=bad.replace(b"700", b"70"))
    aws.client("sagemaker").start_pipeline_execution(PipelineName=PLACE)
    until(lambda: executions(aws)[0]["PipelineExecutionStatus"] == "Failed", "the end of the pipeline")
    steps, why = last(aws)

    assert steps == {
        "Plan": "Succeeded",
        "Ingest": "Succeeded",
        "SetAside": "Succeeded",
        "DataQuality": "Succeeded",
        "Quarantine": "Succeeded",
        "Dataset": "Succeeded",
        "New": "Succeeded",
        "Prepare": "Failed",
    }
    assert "data contract of training_rows: rows is 1, allowed is from 50 (find out what was delivered" in why
    assert set(objects(aws, "good/")) == {"README.txt", "profiles.json"}


def test_what_lands_trains_once_and_what_is_not_new_never(
    aws: Aws, quarantine_key: str, state_dir: Path
) -> None:
    aws.client("events").enable_rule(Name=PLACE)
    before = len(executions(aws))

    # Five files of one batch, the third of them twice; the sandbox is killed while they are taken in.
    for part in (*range(5), 2):
        body = rows(40 * part, 40) if part < 4 else rows(900, 100, "2026-02")
        aws.client("s3").put_object(Bucket="data", Key=f"{PLACE}/landing/payments/2/{part:02}.csv", Body=body)
    until(lambda: len(executions(aws)) > before, "the start of the pipeline")
    until(lambda: "Ingest" in last(aws)[0], "the first job")
    lifecycle.kill(state_dir)
    aws = clients(state_dir)
    assert set(settled(aws)) == {"SUCCEEDED"}
    steps, why = last(aws)
    assert (steps["Register"], why) == ("Succeeded", "None")
    names = [execution["PipelineExecutionDisplayName"] for execution in executions(aws)][:-before]
    assert [name.rpartition("-")[2] for name in names] == ["2", "1"]
    packages = aws.client("sagemaker").list_model_packages(ModelPackageGroupName="fraud")
    (version,) = packages["ModelPackageSummaryList"]
    package = aws.client("sagemaker").describe_model_package(ModelPackageName=version["ModelPackageArn"])
    assert package["CustomerMetadataProperties"]["started_by"] == "data"
    plan = plan_of(aws, executions(aws)[0])
    assert plan["dataset_version"].startswith("sha256:")
    assert "payments/2/02.csv, payments/2/03.csv, payments/2/04.csv and 3 more" in plan["because"]
    assert (plan["train_until"], plan["evaluate_until"]) == ("2026-02-06", "2026-02-20")

    # The same bytes under another name are the same dataset, which was trained on.
    aws.client("s3").put_object(Bucket="data", Key=f"{PLACE}/landing/payments/3.csv", Body=rows(0, 40))
    until(lambda: len(executions(aws)) > before + 2, "the start of the pipeline")
    assert set(settled(aws)) == {"SUCCEEDED"}
    steps, _ = last(aws)
    assert (steps["New"], "Prepare" in steps) == ("Succeeded", False)
    assert "is the one that was trained on last" in plan_of(aws, executions(aws)[0])["because"]


def plan_of(aws: Aws, execution: dict[str, Any]) -> dict[str, Any]:
    """What an execution has written down about itself."""
    run = execution["PipelineExecutionArn"].rpartition("/")[2]
    key = f"evaluations/{run}/plan/plan.json"
    found: dict[str, Any] = json.loads(
        aws.client("s3").get_object(Bucket="artifacts", Key=key)["Body"].read()
    )
    return found
