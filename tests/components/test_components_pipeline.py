"""The training pipeline: its steps, their order, what runs in them, and what a change changes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headway_components import AISystem, AISystemArgs, DeclarationError, DriftPlan, LightGBM, SystemSpec
from headway_components.model import ModelSpec
from headway_runtime.monitor.control.cloud import TRAIN_STEP
from headway_runtime.quality.contract import read_contracts
from headway_runtime.train.parameters import read_parameters
from headway_sandbox.sagemaker.pipelines.definition import parse_definition
from support.example_system import CODE, MAX, MAX_DEPLOYMENT, PAYMENTS, write_code
from support.pulumi_program import Run, run_program


def deploy(spec: SystemSpec, root: Path) -> Run:
    args = AISystemArgs(spec=spec, deployment=MAX_DEPLOYMENT, code_root=str(root))

    def program() -> None:
        AISystem(spec.name, args)

    return run_program(program, stack="prod")


def definition(run: Run) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(
        run.one("pipeline:Pipeline", "fraud-training").inputs["pipelineDefinition"]
    )
    return document


def all_steps(run: Run) -> dict[str, dict[str, Any]]:
    """Every step by its name, those inside conditions too."""

    def flat(steps: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for step in steps:
            yield step
            for branch in ("IfSteps", "ElseSteps"):
                yield from flat(step["Arguments"].get(branch, []))

    return {step["Name"]: step for step in flat(definition(run)["Steps"])}


def metadata(run: Run) -> dict[str, str]:
    found: dict[str, str] = all_steps(run)["Register"]["Arguments"]["CustomerMetadataProperties"]
    return found


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return deploy(MAX, write_code(tmp_path_factory.mktemp("code")))


def test_the_definition_is_one_that_a_pipeline_service_accepts(run: Run) -> None:
    steps = parse_definition(
        run.one("pipeline:Pipeline", "fraud-training").inputs["pipelineDefinition"]
    ).steps
    waits = {name: set(step.depends_on) for name, step in steps.items()}

    assert waits == {
        "Plan": set(),
        "Ingest": {"Plan"},
        "SetAside": {"Ingest"},
        "Quarantine": {"SetAside"},
        "DataQuality": {"Ingest"},
        "Refused": {"DataQuality", "Quarantine"},
        "Dataset": {"DataQuality"},
        "New": {"DataQuality", "Dataset"},
        "Prepare": {"Dataset", "New"},
        "Train": {"New", "Prepare"},
        "Evaluate": {"Dataset", "New", "Train"},
        "Baseline": {"Evaluate", "New", "Train"},
        "Gate": {"Baseline", "Evaluate", "New"},
        "Register": {"Dataset", "Gate", "Train"},
        "BelowFloor": {"Gate"},
    }


def test_what_has_trained_is_seen_by_a_step_that_there_is(run: Run) -> None:
    assert all_steps(run)[TRAIN_STEP]["Type"] == "Training"


def planned(name: str, step: str = "Plan") -> dict[str, str]:
    return {"Get": f"Steps.{step}.OutputParameters['{name}']"}


def test_declared_values_reach_the_steps(run: Run) -> None:
    steps = {name: step["Arguments"] for name, step in all_steps(run).items()}
    arguments = {
        name: steps[name]["AppSpecification"]["ContainerArguments"]
        for name in ("Ingest", "Prepare", "Baseline", "Evaluate")
    }

    assert arguments["Ingest"] == [
        *("ingest", "--source", "fraud.data:tables", "--as-of", planned("evaluate_until")),
    ]
    assert arguments["Prepare"] == [
        *("prepare", "--features", "fraud.features:build"),
        *("--train-until", planned("train_until", "Dataset")),
        *("--evaluate-until", planned("evaluate_until", "Dataset")),
        *(
            "--feature-contract",
            f"payments-v1={PAYMENTS.digest()}",
            "--as-of",
            planned("evaluate_until", "Dataset"),
        ),
    ]
    defaults = {item["Name"]: item["DefaultValue"] for item in definition(run)["Parameters"]}
    assert (defaults["TrainUntil"], defaults["EvaluateUntil"]) == ("2026-01-01", "2026-03-01")
    assert arguments["Baseline"] == ["baseline", "--periods", "26"]
    assert arguments["Evaluate"] == [
        *("evaluate", "--floor", "base-rate", "--minimum-logloss-improvement", "0.05"),
        *("--minimum-auc", "0.6", "--maximum-auc", "0.95", "--minimum-group-size", "100"),
        *("--slice", "country", "--minimum-slice-logloss-improvement", "0.01"),
        *("--maximum-logloss-over-champion", "0.01"),
    ]
    assert steps["Train"]["HyperParameters"]["num_boost_round"] == "50"
    assert steps["Train"]["HyperParameters"]["seed"] == "7"
    assert steps["Train"]["StoppingCondition"] == {"MaxRuntimeInSeconds": 7200}
    assert steps["Train"]["ResourceConfig"]["VolumeSizeInGB"] == 100


def test_hyperparameters_are_ones_that_the_trainer_takes() -> None:
    declared = LightGBM(learning_rate=1e-05).hyperparameters()

    assert read_parameters(declared)["learning_rate"] == 1e-05


def test_every_job_is_isolated_and_encrypted(run: Run) -> None:
    for step in all_steps(run).values():
        arguments = step["Arguments"]
        if step["Type"] == "Processing":
            network = arguments["NetworkConfig"]
            assert network["EnableNetworkIsolation"] is True
            assert network["EnableInterContainerTrafficEncryption"] is True
            assert len(network["VpcConfig"]["Subnets"]) == 3
            assert arguments["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"].startswith(
                "arn:aws:kms"
            )
            assert arguments["ProcessingOutputConfig"]["KmsKeyId"].startswith("arn:aws:kms")
        if step["Type"] == "Training":
            assert arguments["EnableNetworkIsolation"] is True
            assert arguments["EnableInterContainerTrafficEncryption"] is True
            assert len(arguments["VpcConfig"]["Subnets"]) == 3
            assert arguments["ResourceConfig"]["VolumeKmsKeyId"].startswith("arn:aws:kms")
            assert arguments["OutputDataConfig"]["KmsKeyId"].startswith("arn:aws:kms")


def test_code_is_uploaded_under_its_digest(run: Run) -> None:
    uploads = {
        item.inputs["key"]: item.inputs["content"]
        for item in run.of_type("BucketObjectv2")
        if "-code-" in item.name
    }
    prefixes = {key.split("/")[1] for key in uploads}

    assert {key.partition("/")[2].partition("/")[2]: text for key, text in uploads.items()} == CODE
    assert len(prefixes) == 1
    assert metadata(run)["code_digest"].removeprefix("sha256:").startswith(prefixes.pop())


def _other_code(root: Path) -> SystemSpec:
    (root / "fraud/features.py").write_text("def build(connection, data_dir): return None\n", "utf-8")
    return MAX


def _other_algorithm(_: Path) -> SystemSpec:
    model = MAX.model
    assert model.training is not None
    training = model.training.model_copy(update={"algorithm": LightGBM(num_leaves=15)})
    return MAX.model_copy(update={"model": model.model_copy(update={"training": training})})


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        (lambda _: MAX, set()),
        (_other_code, {"code_digest", "training_digest"}),
        (_other_algorithm, {"training_digest"}),
    ],
    ids=["nothing", "code", "algorithm"],
)
def test_a_model_is_out_of_date_exactly_when_its_making_changed(
    run: Run, change: Any, changed: set[str], tmp_path: Path
) -> None:
    other = metadata(deploy(change(write_code(tmp_path)), tmp_path))
    same = metadata(run)

    assert {key for key in same if same[key] != other[key]} == changed


def test_bad_data_is_kept_under_a_key_and_by_a_role_of_its_own(run: Run) -> None:
    steps = all_steps(run)
    ingest, kept = (steps[name]["Arguments"] for name in ("Ingest", "Quarantine"))
    role = run.one("role:Role", "fraud-training-quality-role")
    (policy,) = run.one("rolePolicy:RolePolicy", "fraud-training-quality-job").policies()
    written = [
        resource
        for statement in policy["Statement"]
        if "s3:PutObject" in statement["Action"]
        for resource in statement["Resource"]
    ]
    places = {item["InputName"]: item["S3Input"]["S3Uri"] for item in ingest["ProcessingInputs"]}
    (bucket,) = {item.name for item in run.of_type("bucket:Bucket") if item.name.endswith("-data")}

    assert kept["RoleArn"] == role.outputs["arn"] != ingest["RoleArn"]
    assert written == [f"arn:aws:s3:::{bucket}/fraud-prod/quarantine/*"]
    assert {name: places[name] for name in ("good", "landing")} == {
        "good": f"s3://{bucket}/fraud-prod/good",
        "landing": f"s3://{bucket}/fraud-prod/landing",
    }
    # A job takes no place without an object for its input.
    markers = {
        item.inputs["key"] for item in run.of_type("BucketObjectv2") if item.inputs["bucket"] == bucket
    }
    assert markers == {"fraud-prod/good/README.txt", "fraud-prod/landing/README.txt"}
    assert [step["Name"] for step in steps["DataQuality"]["Arguments"]["ElseSteps"]] == ["Refused"]


def test_the_declared_contract_is_the_one_that_the_job_reads(run: Run, tmp_path: Path) -> None:
    upload = run.one("BucketObjectv2", "fraud-training-quality-contracts").inputs
    (tmp_path / "data-contracts.json").write_text(upload["content"], "utf-8")
    (contract,) = read_contracts(tmp_path).values()

    assert contract.personal == {"payment"}
    assert (contract.key, contract.time, contract.minimum_rows) == (("payment",), "paid_at", 1_000)
    assert contract.row_checks[0].fix == "ask the German branch"
    assert upload["key"].startswith("contracts/")


def test_without_a_contract_the_pipeline_has_no_gate_for_data(tmp_path: Path) -> None:
    model = MAX.model
    assert model.training is not None
    training = model.training.model_copy(update={"data": []})
    spec = MAX.model_copy(update={"model": model.model_copy(update={"training": training})})
    steps = all_steps(deploy(spec, write_code(tmp_path)))

    assert list(steps) == [
        "Plan",
        "Ingest",
        "Prepare",
        "Train",
        "Evaluate",
        "Baseline",
        "Gate",
        "Register",
        "BelowFloor",
    ]


def test_swapping_the_placeholder_for_a_model_only_adds(tmp_path: Path) -> None:
    """The swap is one reference in the declaration; nothing that serves is touched by it."""
    root = write_code(tmp_path)
    placeholder = deploy(MAX.model_copy(update={"model": ModelSpec.placeholder()}), root)
    trained = deploy(MAX, root)
    before = {(item.type, item.name): item.inputs for item in placeholder.resources}
    after = {(item.type, item.name): item.inputs for item in trained.resources}

    assert {key: after[key] for key in before} == before
    assert {name.split("-")[1] for type_, name in set(after) - set(before)} == {
        "training",
        "drift",
        "arrival",
        "skew",
    }


def test_a_drift_that_lasts_starts_the_pipeline_with_the_gate_and_says_who_did(run: Run) -> None:
    training = run.one("pipeline:Pipeline", "fraud-training").outputs["arn"]
    alarm = run.one("MetricAlarm", "fraud-drift-alarm")
    rule = run.one("eventRule:EventRule", "fraud-drift-lasts")
    target = run.one("eventTarget:EventTarget", "fraud-drift-target").inputs
    look, calendar = (
        run.one("schedule:Schedule", f"fraud-drift-{noun}").inputs for noun in ("schedule", "calendar")
    )

    assert alarm.inputs["dimensions"] == {"System": "fraud", "Endpoint": "fraud-prod"}
    assert json.loads(rule.inputs["eventPattern"])["resources"] == [alarm.outputs["arn"]]
    assert target["arn"] == calendar["target"]["arn"] == training
    assert target["sagemakerPipelineTarget"]["pipelineParameterLists"] == [
        {"name": "StartedBy", "value": "drift"}
    ]
    assert calendar["scheduleExpression"] == "rate(7 days)"
    assert calendar["target"]["sagemakerPipelineParameters"]["pipelineParameters"] == [
        {"name": "StartedBy", "value": "calendar"}
    ]
    assert look["scheduleExpression"] == "rate(1 hour)"


def test_the_monitor_gets_the_declared_limits_and_no_network_of_its_own(run: Run) -> None:
    steps = parse_definition(run.one("pipeline:Pipeline", "fraud-drift").inputs["pipelineDefinition"]).steps
    job = steps["Monitor"].arguments

    assert {name: set(step.depends_on) for name, step in steps.items()} == {
        "Plan": set(),
        "Traffic": {"Plan"},
        "Monitor": {"Plan", "Traffic"},
        "Record": {"Monitor", "Traffic"},
    }
    assert job["AppSpecification"]["ContainerArguments"] == [
        *("monitor", "--maximum-distance", "0.2", "--maximum-missing", "0.05", "--maximum-unseen", "0.05"),
        *("--minimum-rows", "2000", "--lasting", "5"),
        *("--maximum-label-share-change", "0.03", "--maximum-calibration-gap", "0.05"),
        *("--maximum-logloss-growth", "0.1", "--maximum-auc-fall", "0.05", "--minimum-labels", "500"),
        *("--label-delay-h", "24", "--keep-labels-d", "60", "--slice", "country"),
    ]
    assert job["NetworkConfig"]["EnableNetworkIsolation"] is True
    assert job["ProcessingInputs"][0]["S3Input"]["S3DataType"] == "ManifestFile"


def test_a_monitor_of_what_is_not_captured_is_refused() -> None:
    monitoring = MAX.monitoring.model_copy(update={"capture_sampling_pct": 0})
    with pytest.raises(DeclarationError, match="drift is seen in what is captured"):
        SystemSpec.load({**MAX.plain(), "monitoring": monitoring.plain()})
    with pytest.raises(DeclarationError, match=r"is longer than the 1 h between two looks"):
        DriftPlan(every_h=1, max_runtime_s=7_200)
