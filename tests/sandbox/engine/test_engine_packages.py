"""Which provider plugins an environment asks for, and what it says about itself."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from headway_sandbox.engine import environment
from headway_sandbox.engine.packages import Parameterization, plugin_version, required_packages


@pytest.mark.parametrize(
    ("python", "plugin"),
    [
        ("7.51.1", "7.51.1"),
        ("3", "3.0.0"),
        ("1.2", "1.2.0"),
        ("2.14.0a1605583329", "2.14.0-alpha.1605583329"),
        ("1.2.3rc4", "1.2.3-rc.4"),
        ("1.2.3.post4.dev5", "1.2.3+post4dev5"),
        ("1.2.3.dev5", "1.2.3+dev5"),
        ("1!2.0", None),
        ("nonsense", None),
    ],
)
def test_python_versions_become_semantic_versions(python: str, plugin: str | None) -> None:
    assert plugin_version(python) == plugin


@pytest.mark.parametrize(
    ("name", "plugin", "expected"),
    [
        ("pulumi-aws", {"resource": True, "name": "aws", "version": "7.51.1"}, ("aws", "v7.51.1")),
        ("pulumi-thing", {}, ("thing", "v1.0.0")),
        ("pulumi-helper", {"resource": False}, None),
        ("pulumi-policy", {}, None),
        ("acme-cloud", {"resource": True, "name": "acme", "version": "v2.0.0"}, ("acme", "v2.0.0")),
    ],
)
def test_sdks_name_their_plugin(
    name: str, plugin: dict[str, object], expected: tuple[str, str] | None
) -> None:
    found = required_packages([{"name": name, "version": "1.0.0", "plugin": plugin}])
    assert [(package.name, package.version) for package in found] == ([expected] if expected else [])


def test_parameterized_providers_keep_their_data() -> None:
    declared = {"name": "demo", "version": "1.2.3", "value": "aGk="}
    plugin = {"resource": True, "name": "terraform", "version": "0.1.0", "parameterization": declared}
    (package,) = required_packages([{"name": "pulumi-demo", "version": "1.2.3", "plugin": plugin}])
    assert package.parameterization == Parameterization("demo", "1.2.3", b"hi")


def test_what_others_need_is_told_from_extras() -> None:
    lines = ["Semver>=2", "py_yaml (>1); python_version > '3'", "torch; extra == 'gpu'", "a.b[x]~=1"]
    assert environment.required_names(lines) == {"semver", "py-yaml", "a-b"}


def test_the_script_describes_the_interpreter_that_runs_it() -> None:
    script = Path(environment.__file__)
    printed = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True).stdout
    described = json.loads(printed)

    entries = {entry["name"]: entry for entry in described["distributions"]}
    assert described["executable"] == sys.executable
    assert entries["pulumi-aws"]["plugin"]["name"] == "aws"
    assert entries["grpcio"]["required"]
    assert ("aws", f"v{entries['pulumi-aws']['version']}") in {
        (package.name, package.version) for package in required_packages(described["distributions"])
    }
