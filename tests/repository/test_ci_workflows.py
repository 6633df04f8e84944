"""The workflow files that teams copy are valid, and call only what exists."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from headway_cli.main import application

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "ci"


def _github() -> Any:
    return yaml.safe_load((FOLDER / "github-gate.yml").read_text("utf-8"))


def _gitlab() -> Any:
    return yaml.safe_load((FOLDER / "gitlab-gate.yml").read_text("utf-8"))


def _scripts() -> Iterator[str]:
    for job in _github()["jobs"].values():
        yield from (step["run"] for step in job["steps"] if "run" in step)
    for job in _gitlab().values():
        yield from (*job["before_script"], *job["script"])


def test_the_github_workflow_has_the_form_of_one() -> None:
    workflow = _github()

    # YAML reads the key `on` as true.
    assert set(workflow) == {"name", True, "permissions", "jobs"}
    assert set(workflow[True]) == {"pull_request"}
    for job in workflow["jobs"].values():
        assert set(job) == {"runs-on", "steps"}
        for step in job["steps"]:
            assert set(step) <= {"name", "id", "uses", "with", "run", "if", "env"}
            assert ("uses" in step) is not ("run" in step)
            assert "uses" not in step or re.fullmatch(r"[\w-]+/[\w/-]+@v\d+", step["uses"])


def test_the_gitlab_job_has_the_form_of_one() -> None:
    known = {
        "stage",
        "image",
        "rules",
        "variables",
        "cache",
        "before_script",
        "script",
        "allow_failure",
        "artifacts",
    }

    for job in _gitlab().values():
        assert set(job) <= known
        assert job["allow_failure"] == {"exit_codes": [3]}


@pytest.mark.parametrize("script", list(_scripts()))
def test_a_script_is_valid_and_calls_what_exists(script: str) -> None:
    plain = re.sub(r"\$\{\{.*?\}\}", "x", script)
    assert subprocess.run(["bash", "-n", "-c", plain], check=False).returncode == 0

    gate = get_command(application(["gate"])).commands["gate"]  # type: ignore[attr-defined]
    options = {name for parameter in gate.params for name in parameter.opts}
    for line in plain.splitlines():
        if "headway gate" in line:
            words = shlex.split(line.split("headway gate", 1)[1].split(">", 1)[0])
            assert {word for word in words if word.startswith("-")} <= options


def test_files_that_the_workflows_name_are_there() -> None:
    text = "".join(path.read_text("utf-8") for path in FOLDER.glob("*.yml"))

    assert "constraints.txt" in text
    assert (ROOT / "constraints.txt").is_file()
    page = (ROOT / "docs" / "gate.md").read_text("utf-8")
    for path in FOLDER.glob("*.yml"):
        assert f"docs/ci/{path.name}" in page
