"""What a user installs: pinned, complete, and with nothing generic in their site-packages."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PIN = re.compile(r"^[A-Za-z0-9._-]+==[A-Za-z0-9.+!_]+$")


def _name(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[<>=!~;\[ ]", requirement, maxsplit=1)[0]).lower()


def test_the_constraints_file_holds_names_and_exact_versions_only() -> None:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()

    assert [line for line in lines if not PIN.match(line)] == []


def test_every_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    declared = list(project["dependencies"])
    declared += [r for extra in project["optional-dependencies"].values() for r in extra]
    pinned = {_name(line) for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()}

    assert sorted({_name(requirement) for requirement in declared} - pinned) == []


def test_the_installed_environment_is_the_pinned_one() -> None:
    wrong = []
    for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines():
        name, _, version = line.partition("==")
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
        if found != version:
            wrong.append(f"{name}: pinned {version}, installed {found}")

    assert wrong == []


def test_the_wheel_holds_branded_packages_only() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]
    packages = build["targets"]["wheel"]["packages"]

    assert [package for package in packages if not Path(package).name.startswith("headway_")] == []
