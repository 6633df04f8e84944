"""The newcomer's story with IAM enforced: the roles that the stack declares are enough, and are needed."""

import json
from collections.abc import Iterator

import pytest

from headway_sandbox.engine import Engine
from support.control import until
from support.project import ENDPOINT, Project

pytestmark = pytest.mark.xdist_group("story")


@pytest.fixture(scope="module")
def project(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project whose sandbox enforces IAM."""
    assert engine.pulumi.exists()
    made = Project.copy_to(tmp_path_factory.mktemp("enforced") / "flights")
    made.variables["HEADWAY_SANDBOX_ENFORCE_IAM"] = "1"
    yield made
    made.headway("sandbox", "stop")


def test_up_trains_releases_and_serves_with_the_declared_roles_only(project: Project) -> None:
    up = project.headway("up")

    assert up.returncode == 0, up.stdout + up.stderr
    assert json.loads(project.headway("sandbox", "status", "--json").stdout)["enforce_iam"] is True
    assert 0 < project.ask() < 1
    status = json.loads(project.headway("status", "--json").stdout)["systems"]["flight-delay"]
    assert status["endpoint"]["status"] == "InService"
    assert status["model_package"]["approved"] is True
    assert status["release"]["serving"] == status["endpoint"]["config"]


def test_a_permission_that_is_taken_away_is_missed_by_name(project: Project) -> None:
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

    def failed_step() -> dict[str, str] | None:
        steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
        return next((step for step in steps if "FailureReason" in step), None)

    reason: str = until(failed_step, "the step's failure")["FailureReason"]
    iam.delete_role_policy(RoleName=role, PolicyName="taken-away")

    assert f"assumed-role/{role}/" in reason
    assert "sagemaker:CreateProcessingJob" in reason
    assert "with an explicit deny in an identity-based policy" in reason


def test_down_leaves_nothing(project: Project) -> None:
    down = project.headway("down", "--yes")

    assert down.returncode == 0, down.stdout + down.stderr
    assert ENDPOINT not in project.headway("status").stdout
