"""The newcomer's story, through the real engine and the real sandbox, in the order in which it happens."""

import json
import os
import re
import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headway_runtime.release.records import Records
from headway_sandbox.engine import Engine
from support.project import ENDPOINT, SEPTEMBER_FLIGHT, Project, is_running, succeeded
from support.readme import ROOT, blocks, commands
from support.release_world import until

SYSTEM = "stacks/flight_delay/system.py"
DAWN_FLIGHT = {**SEPTEMBER_FLIGHT, "scheduled_hour": 6, "scheduled_minute": 0, "temperature_f": 60.1}


@pytest.fixture(scope="module")
def project(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project of its own; whatever a test leaves, nothing runs afterwards."""
    assert engine.pulumi.exists()
    made = Project.copy_to(tmp_path_factory.mktemp("story") / "flights")
    made.hasten_releases()
    yield made
    made.headway("sandbox", "stop")


def _masked(text: str) -> list[str]:
    """Lines without what differs between two runs and two versions: figures and digests."""
    plain = re.sub(r"[0-9a-f]{12,}", "X", text)
    return [re.sub(r"\d+(\.\d+)?", "0", line).rstrip() for line in plain.splitlines()]


def _shown_output(name: str) -> list[str]:
    (block,) = [block for block in blocks(ROOT / "README.md") if (block.key, block.value) == ("output", name)]
    return _masked(block.body)


def _up(project: Project) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(succeeded(project.headway("up", "--json")))
    return document


@pytest.fixture(scope="module")
def first(project: Project) -> str:
    """What the first `headway up` prints."""
    run = project.headway("up")
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stderr + run.stdout


def _status(project: Project) -> dict[str, Any]:
    status = json.loads(succeeded(project.headway("status", "--json")))
    system: dict[str, Any] = status["systems"]["flight-delay"]
    return system


def _planned(project: Project) -> dict[str, list[str]]:
    """What a preview would do: operation to the resources' names, those that stay the same left out."""
    plan: dict[str, list[str]] = {}
    for step in json.loads(succeeded(project.shell("pulumi preview --json"))).get("steps", []):
        if step["op"] == "same":
            continue
        plan.setdefault(step["op"], []).append(step["urn"].rsplit("::", 1)[-1])
    return plan


def test_the_trained_model_answers_an_unmodified_client(project: Project, first: str) -> None:
    evening, dawn = project.ask(), project.ask(DAWN_FLIGHT)

    assert 0 < dawn < evening < 1  # delays build up over the day; a placeholder would answer the same twice


def test_status_names_what_is_live_and_on_which_evidence(project: Project, first: str) -> None:
    status = _status(project)

    assert status["endpoint"]["name"] == ENDPOINT
    assert status["endpoint"]["status"] == "InService"
    assert status["model_package"]["approved"] is True
    assert status["dataset_version"].startswith("sha256:")
    assert {"declared_contract_digest", "code_digest", "contract_digest"} <= set(status["digests"])
    assert status["release"]["serving"] == status["release"]["desired"] == status["endpoint"]["config"]
    assert status["release"]["model_package_arn"] == status["model_package"]["arn"]


def test_the_baseline_beats_the_base_rate_and_nothing_leaks(project: Project, first: str) -> None:
    metrics = _status(project)["metrics"]

    assert metrics["logloss_improvement"] >= 0.08
    assert 0.66 <= metrics["auc"] <= 0.80


def test_up_prints_what_the_readme_shows(first: str) -> None:
    assert [line for line in _shown_output("headway up") if line not in _masked(first)] == []


def test_a_refused_change_reads_as_the_readme_shows(project: Project, first: str) -> None:
    program = project.root / "stacks/__main__.py"
    declared = program.read_text("utf-8")
    (change,) = [block for block in blocks(ROOT / "README.md") if block.key == "change"]
    added = "\n".join(line.removeprefix("+") for line in change.body.splitlines())
    program.write_text(f"{declared}\n{added}\n", "utf-8")

    refused = project.headway("up")
    program.write_text(declared, "utf-8")

    assert refused.returncode == 1
    assert [line for line in _shown_output("refused") if line not in _masked(refused.stderr)] == []
    assert project.client("s3").list_buckets(Prefix="exports").get("Buckets", []) == []


def test_everything_that_the_readme_shows_works(project: Project, first: str) -> None:
    """Every command and Python block, in order; the fixture's `headway up` stands for `make up`."""
    shown = [block for block in blocks(ROOT / "README.md") if block.key is None]
    (project.root / "shown.py").write_text(
        "\n".join(block.body for block in shown if block.language == "python"), "utf-8"
    )
    lines = [command for block in shown if block.language == "sh" for command in commands(block)]
    script = [line for line in lines if not line.startswith("make ")]

    run = project.shell("\n".join(["set -e", *script, ".venv/bin/python shown.py"]))

    assert run.returncode == 0, run.stdout + run.stderr
    assert "probability" in run.stdout.splitlines()[-1]


def test_a_stack_elsewhere_asks_for_a_login(project: Project, first: str, tmp_path: Path) -> None:
    nobody = replace(project, variables={**project.variables, "PULUMI_HOME": str(tmp_path)})

    run = nobody.headway("status", "--stack", "prod")

    assert run.returncode == 1
    assert "run `pulumi login` first" in run.stderr


def test_a_second_up_changes_nothing_and_trains_nothing(project: Project, first: str) -> None:
    before = _status(project)

    again = _up(project)

    assert list(again["changes"]) == ["unchanged"]
    assert _status(project) == before


def test_refresh_finds_what_somebody_changed_behind_pulumi(project: Project, first: str) -> None:
    outputs = json.loads(project.shell("pulumi stack output systems --json").stdout)
    bucket = outputs["flight-delay"]["buckets"]["artifacts"]
    s3 = project.client("s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})

    found = project.shell("pulumi refresh --yes --diff")
    repaired = project.shell("pulumi up --yes --skip-preview")

    assert found.returncode == 0, found.stdout + found.stderr
    assert repaired.returncode == 0, repaired.stdout + repaired.stderr
    assert "~ 1 updated" in repaired.stdout
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert _planned(project) == {}


def test_a_model_below_its_floor_does_not_replace_what_serves(project: Project, first: str) -> None:
    serving = _status(project)["model_package"]["arn"]
    project.edit(SYSTEM, "minimum_auc=0.66", "minimum_auc=0.79")
    # The same update lets the next test's traffic drift soon.
    declared = "drift=DriftPlan(every_h=24 * 30, lasting_windows=2, maximum_label_share_change=0.02),"
    project.edit(SYSTEM, declared, "drift=DriftPlan(minimum_rows=100, lasting_windows=1, cool_down_h=0),")

    refused = project.headway("up")
    status = _status(project)
    project.edit(SYSTEM, "minimum_auc=0.79", "minimum_auc=0.66")

    assert refused.returncode == 1, refused.stdout + refused.stderr
    assert "is below 0.79" in status["pipeline"]["failure"]
    assert status["model_package"]["arn"] == serving
    assert 0 < project.ask() < 1


def test_traffic_that_drifts_starts_a_training_that_says_so(project: Project, first: str) -> None:
    # As many as all that was asked while the model was released, so that the window shows it.
    for _ in range(80):
        project.ask_together([{**SEPTEMBER_FLIGHT, "distance_mi": 12_000.0}] * 100)
    found = project.headway("monitor", "run", "--json")
    shown = project.headway("monitor", "status")
    until(lambda: _started_by(project, "drift") != "")
    started = _started_by(project, "drift")
    project.client("sagemaker").stop_pipeline_execution(PipelineExecutionArn=started)

    assert found.returncode == 0, found.stdout + found.stderr
    assert "distance_mi" in json.loads(found.stdout)["says"]
    assert "the drift of" in shown.stdout


def _started_by(project: Project, trigger: str) -> str:
    """The execution of the training pipeline that something started; empty where there is none."""
    sagemaker = project.client("sagemaker")
    for item in sagemaker.list_pipeline_executions(PipelineName=ENDPOINT)["PipelineExecutionSummaries"]:
        arn = str(item["PipelineExecutionArn"])
        given = sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)
        if {"Name": "StartedBy", "Value": trigger} in given["PipelineParameters"]:
            return arn
    return ""


def test_a_rehearsed_fault_turns_a_release_back_and_is_over_with_its_traffic(
    project: Project, first: str
) -> None:
    """Somebody rehearses with the model that serves: wrong wherever it does not rain, until it is seen."""
    before = _status(project)
    table = project.outputs()["systems"]["flight-delay"]["release_table_name"]
    records = Records(project.client("dynamodb"), table, "flight-delay")

    refused = project.headway("traffic", "replay", "--fault", "wrong", "--where", ",nowhere,")
    package = json.loads(succeeded(project.headway("release", "start", "--rehearse", "--json")))["package"]
    replay = project.start("traffic", "replay", "--seconds", "600", "--fault", "wrong", "--where", ",0,")
    try:
        until(lambda: any(item.model_package_arn == package and item.is_over for item in records.all()))
    finally:
        replay.send_signal(signal.SIGTERM)
        said, _ = replay.communicate(timeout=60)
    release, report = records.all()[0], succeeded(project.headway("release", "report"))

    assert refused.returncode != 0
    assert "no row contains; they read like " in refused.stderr
    assert (release.status, release.cause) == ("rolled_back", "worse"), release.why
    assert release.why.startswith("divergence in ")
    assert "It is turned back: divergence in " in report
    assert "Traceback" not in said
    assert succeeded(project.headway("sandbox", "fault", "list")).strip() == "there are no faults"
    assert _status(project)["endpoint"] == before["endpoint"]
    assert _status(project)["model_package"] == before["model_package"]


def test_the_sandbox_comes_back_from_a_kill_with_all_it_had(project: Project, first: str) -> None:
    record = json.loads(project.headway("sandbox", "status", "--json").stdout)
    before = _status(project)
    os.kill(record["pid"], 9)

    again = project.headway("sandbox", "start")

    assert again.returncode == 0, again.stdout + again.stderr
    assert 0 < project.ask() < 1
    after = _status(project)
    kept = ("endpoint", "model_package", "metrics", "digests", "release")
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}


def test_a_sandbox_that_somebody_removed_is_filled_again_with_the_declared_roles_only(
    project: Project, first: str
) -> None:
    project.headway("sandbox", "stop")
    shutil.rmtree(project.root / ".headway" / "sandbox")
    # From here on every call is authorised, and the roles that the stack declares are enough.
    project.variables["HEADWAY_SANDBOX_ENFORCE_IAM"] = "1"

    again = _up(project)
    status = _status(project)

    assert again["changes"]["created"] > 50
    assert json.loads(project.headway("sandbox", "status", "--json").stdout)["enforce_iam"] is True
    assert 0 < project.ask() < 1
    assert status["endpoint"]["status"] == "InService"
    assert status["model_package"]["approved"] is True
    assert status["release"]["serving"] == status["endpoint"]["config"]


def test_a_permission_that_is_taken_away_is_missed_by_name(project: Project, first: str) -> None:
    iam = project.client("iam")
    (role,) = [
        item["RoleName"]
        for item in iam.list_roles()["Roles"]
        if "foundation-pipeline-role" in item["RoleName"]
    ]
    deny = {"Effect": "Deny", "Action": "sagemaker:CreateProcessingJob", "Resource": "*"}
    iam.put_role_policy(
        RoleName=role, PolicyName="taken-away", PolicyDocument=json.dumps({"Statement": [deny]})
    )
    sagemaker = project.client("sagemaker")

    arn = sagemaker.start_pipeline_execution(PipelineName=ENDPOINT)["PipelineExecutionArn"]

    def reasons() -> list[str]:
        steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
        return [step["FailureReason"] for step in steps if "FailureReason" in step]

    until(lambda: reasons() != [])
    iam.delete_role_policy(RoleName=role, PolicyName="taken-away")

    assert f"assumed-role/{role}/" in reasons()[0]
    assert "sagemaker:CreateProcessingJob" in reasons()[0]
    assert "with an explicit deny in an identity-based policy" in reasons()[0]


def test_down_leaves_no_process_and_no_resource(project: Project, first: str) -> None:
    record = json.loads(project.headway("sandbox", "status", "--json").stdout)

    down = project.headway("down")

    assert down.returncode == 0, down.stdout + down.stderr
    assert not is_running(record["pid"])
    project.headway("sandbox", "start")
    left = {
        "buckets": project.client("s3").list_buckets()["Buckets"],
        "endpoints": project.client("sagemaker").list_endpoints()["Endpoints"],
        "configurations": project.client("sagemaker").list_endpoint_configs()["EndpointConfigs"],
        "models": project.client("sagemaker").list_models()["Models"],
        "pipelines": project.client("sagemaker").list_pipelines()["PipelineSummaries"],
        "groups": project.client("sagemaker").list_model_package_groups()["ModelPackageGroupSummaryList"],
        "functions": project.client("lambda").list_functions()["Functions"],
        "machines": project.client("stepfunctions").list_state_machines()["stateMachines"],
        "tables": project.client("dynamodb").list_tables()["TableNames"],
        "roles": project.client("iam").list_roles()["Roles"],
        "rules": project.client("events").list_rules()["Rules"],
        "alarms": project.client("cloudwatch").describe_alarms()["MetricAlarms"],
        "dashboards": project.client("cloudwatch").list_dashboards()["DashboardEntries"],
        "topics": project.client("sns").list_topics()["Topics"],
        "aliases": [
            alias
            for alias in project.client("kms").list_aliases()["Aliases"]
            if not alias["AliasName"].startswith("alias/aws/")
        ],
    }
    assert {kind: found for kind, found in left.items() if found} == {}
