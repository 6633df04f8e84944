"""The code that is shipped as a function: complete, small, and told everything it reads."""

import os
import subprocess
import sys
import sysconfig
from dataclasses import fields
from pathlib import Path

import pulumi
import pytest

from headway_components import AISystem, AISystemArgs
from headway_components._function_code import function_code
from headway_components.release import CODE, HANDLER
from headway_runtime.release.settings import Settings, variable
from support.example_system import DEFAULTS, DEPLOYMENT
from support.pulumi_program import run_program

ALLOWED = {"boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six", "headway_runtime"}


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    """The archive as Lambda unpacks it."""
    for name, asset in function_code(*CODE).assets.items():
        assert isinstance(asset, pulumi.StringAsset)
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(asset.text, "utf-8")
    return tmp_path


def test_the_handler_runs_from_the_archive_with_boto3_alone(unpacked: Path) -> None:
    module, _, function = HANDLER.rpartition(".")
    code = (
        f"import sys; from {module} import {function} as handle\n"
        "for name, loaded in list(sys.modules.items()):\n"
        "    file = getattr(loaded, '__file__', None) or ''\n"
        "    if 'site-packages' in file or 'headway' in name: print(name.split('.')[0])\n"
        "try: handle({'action': 'dance'}, None)\n"
        "except ValueError as error: print('error:', error)\n"
    )
    # Without `site` there is no link to this repository; boto3 is where every environment has it.
    path = os.pathsep.join((str(unpacked), sysconfig.get_path("purelib")))
    run = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    loaded = {line for line in run.stdout.splitlines() if not line.startswith("error:")}

    assert run.returncode == 0, run.stderr
    assert loaded <= ALLOWED
    assert "error: action is 'dance'; it must be one of advance, abandon, declare" in run.stdout


def test_the_archive_holds_the_machine_and_nothing_else(unpacked: Path) -> None:
    files = sorted(path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*.py"))

    assert [name for name in files if "/release/" not in name and "/judge/" not in name] == [
        "headway_runtime/__init__.py",
        "headway_runtime/canonical.py",
    ]
    assert sum((unpacked / name).stat().st_size for name in files) < 250_000


def test_the_stack_tells_the_machine_every_setting() -> None:
    def program() -> None:
        AISystem("fraud", AISystemArgs(spec=DEFAULTS, deployment=DEPLOYMENT))

    given = run_program(program).one("function:Function").inputs["environment"]["variables"]

    assert set(given) == {variable(field.name) for field in fields(Settings)}
    assert Settings.read(given).system == "fraud"
