"""Policy packs in directories, run by the real Pulumi CLI through our language host."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from headway_sandbox import engine
from headway_sandbox.engine import ensure_stack
from support.pulumi_cli import run_pulumi

EXECUTOR = Path(engine.__file__).with_name("executor.py")
PROGRAM = """
import pulumi

class Pair(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("test:index:Pair", name)

Pair("first")
"""

PACK = """
import pulumi
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy, StackValidationPolicy

def count(args, report):
    allowed = pulumi.Config("demo").require_int("allowed")
    found = len(args.resources)
    if found > allowed:
        report(f"{pulumi.get_project()}/{pulumi.get_stack()} has {found} resources, {allowed} allowed")

def name(args, report):
    if args.name == pulumi.Config("demo").get("forbidden"):
        report(f"the name {args.name} is forbidden in {pulumi.get_stack()}")

PolicyPack("house-rules", enforcement_level=EnforcementLevel.MANDATORY, policies=[
    StackValidationPolicy("count", "Few resources.", count),
    ResourceValidationPolicy("name", "Good names.", name),
])
"""


class Gated:
    """A project and a policy pack beside it."""

    def __init__(self, directory: Path, env: Mapping[str, str]) -> None:
        self.directory = directory
        self.env = env
        (directory / "rules").mkdir(parents=True)
        (directory / "Pulumi.yaml").write_text("name: demo\nruntime: python\n")
        (directory / "__main__.py").write_text(PROGRAM)
        self.pack(PACK)
        ensure_stack(env, directory, "local")

    def pack(self, program: str, runtime: str = "python") -> None:
        (self.directory / "rules" / "PulumiPolicy.yaml").write_text(f"runtime: {runtime}\n")
        (self.directory / "rules" / "__main__.py").write_text(program)

    def configure(self, **values: object) -> None:
        lines = "".join(f"  demo:{name}: {value}\n" for name, value in values.items())
        path = self.directory / "Pulumi.local.yaml"
        salt = next(line for line in path.read_text().splitlines() if line.startswith("encryptionsalt"))
        path.write_text(f"{salt}\nconfig:\n{lines}")

    def preview(self, *, ok: bool) -> str:
        return run_pulumi(self.directory, self.env, "preview", "--policy-pack", "rules", ok=ok)


@pytest.fixture
def gated(pulumi_home: Path, pulumi_env: dict[str, str]) -> Gated:
    return Gated(pulumi_home.parent, pulumi_env)


def test_policies_know_the_stack_and_its_configuration(gated: Gated) -> None:
    gated.configure(allowed=1, forbidden="first")
    refused = gated.preview(ok=False)
    gated.configure(allowed=5, forbidden="second")
    passed = gated.preview(ok=True)

    assert "demo/local has 2 resources, 1 allowed" in refused
    assert "the name first is forbidden in local" in refused
    assert "house-rules" in passed
    assert "mandatory" not in passed


@pytest.mark.parametrize(
    ("program", "runtime", "shown"),
    [
        ("raise ValueError('bad rule')\n", "python", "ValueError: bad rule"),
        ("", "{name: python, options: {virtualenv: ../nowhere}}", "nowhere\" doesn't exist"),
        ("", "{name: python, options: {toolchain: conda}}", "runtime option `toolchain` is 'conda'"),
    ],
    ids=["exception", "no-virtualenv", "unknown-toolchain"],
)
def test_a_pack_that_does_not_start_fails_the_preview(
    gated: Gated, program: str, runtime: str, shown: str
) -> None:
    gated.pack(program, runtime)
    assert shown in gated.preview(ok=False)


def test_a_pack_whose_sdk_is_not_installed_says_where_to_install_it(tmp_path: Path) -> None:
    (tmp_path / "__main__.py").write_text("import pulumi_policy\n")
    (tmp_path / "pulumi_policy.py").write_text("raise ModuleNotFoundError(__name__, name=__name__)\n")
    settings = json.dumps({"pipe": 0, "directory": str(tmp_path)})
    command = [sys.executable, str(EXECUTOR), "policy-pack", settings, "127.0.0.1:1"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        said = running.stderr.read()

    assert running.returncode == 1
    assert f"{tmp_path} needs the pulumi-policy package in the environment of {sys.executable}" in said


def test_the_pack_runs_in_its_own_virtualenv(gated: Gated) -> None:
    environment = gated.directory / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    packages = next(environment.glob("lib/python*/site-packages"))
    (packages / "shared.pth").write_text(next(p for p in sys.path if p.endswith("site-packages")) + "\n")
    pack = PACK.replace("{pulumi.get_project()}", "{__import__('sys').prefix}")
    gated.pack(pack, "{name: python, options: {virtualenv: ../environment}}")
    gated.configure(allowed=1)

    assert f"{environment}/local has 2 resources" in gated.preview(ok=False)
