"""How the runtime options of Pulumi.yaml become an interpreter."""

from pathlib import Path

import pytest

from headway_sandbox.engine.install import install_steps
from headway_sandbox.engine.toolchain import (
    OptionsError,
    activated,
    find_lock_files,
    parse_options,
    virtualenv_problem,
)

ROOT = Path("/project")
PROGRAM = ROOT / "stacks"


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({}, None),
        ({"toolchain": "pip"}, None),
        ({"virtualenv": ""}, None),
        ({"virtualenv": ".venv"}, ROOT / ".venv"),
        ({"toolchain": "pip", "virtualenv": "../shared/venv"}, Path("/shared/venv")),
        ({"virtualenv": "/somewhere/venv", "other": 1}, Path("/somewhere/venv")),
    ],
)
def test_virtualenv_is_relative_to_the_project_file(options: dict[str, object], path: Path | None) -> None:
    assert parse_options(options, root=ROOT, program=PROGRAM).virtualenv_path == path


@pytest.mark.parametrize(
    ("options", "lock_files", "problems"),
    [
        ({"toolchain": "uv"}, set(), ["`toolchain` is 'uv'", "`toolchain: pip`"]),
        ({"toolchain": "conda"}, set(), ["'conda'", "allowed are pip, poetry and uv"]),
        ({"virtualenv": 3, "toolchain": ["pip"]}, set(), ["`virtualenv` is 3", "`toolchain` is ['pip']"]),
        ({"typechecker": "flake8"}, set(), ["'flake8'", "mypy and pyright"]),
        ({}, {"uv.lock"}, ["there is a uv.lock", "set `toolchain: pip`"]),
        ({"typechecker": "x", "toolchain": "y"}, set(), ["'x'", "'y'"]),
    ],
)
def test_all_problems_are_named_at_once(
    options: dict[str, object], lock_files: set[str], problems: list[str]
) -> None:
    with pytest.raises(OptionsError) as raised:
        parse_options(options, root=ROOT, program=PROGRAM, lock_files=frozenset(lock_files))
    for problem in problems:
        assert problem in str(raised.value)


def test_pip_is_taken_at_its_word_beside_a_lock_file() -> None:
    options = parse_options(
        {"toolchain": "pip"}, root=ROOT, program=PROGRAM, lock_files=frozenset({"uv.lock"})
    )
    assert options.virtualenv is None


def test_lock_files_are_found_upwards(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").touch()
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert find_lock_files(below) == {"uv.lock"}


def test_missing_virtualenv_says_how_to_make_it(tmp_path: Path) -> None:
    options = parse_options({"virtualenv": "sub/../venv"}, root=tmp_path, program=tmp_path)
    missing = virtualenv_problem(options)
    (tmp_path / "venv").mkdir()
    empty = virtualenv_problem(options)
    (tmp_path / "venv" / "bin").mkdir()
    (tmp_path / "venv" / "bin" / "python").touch()

    assert missing is not None
    assert f'"{tmp_path}/venv" doesn\'t exist' in missing
    assert f"python3 -m venv {tmp_path}/venv" in missing
    assert empty is not None
    assert "doesn't appear to be a virtual environment" in empty
    assert virtualenv_problem(options) is None


def test_activation_is_what_the_activate_script_does() -> None:
    environment = {"PATH": "/usr/bin", "PYTHONHOME": "/x", "VIRTUAL_ENV": "/old", "A": "1"}
    assert activated(environment, Path("/venv")) == {
        "PATH": "/venv/bin:/usr/bin",
        "VIRTUAL_ENV": "/venv",
        "A": "1",
    }
    assert activated(environment, None) == environment


@pytest.mark.parametrize(
    ("virtualenv", "files", "titles", "last"),
    [
        (None, [], [], None),
        (None, ["stacks/requirements.txt"], ["Installing dependencies"], "stacks/requirements.txt"),
        (
            "venv",
            ["requirements.txt"],
            ["Creating virtual environment", "Installing dependencies in virtual environment"],
            "requirements.txt",
        ),
        (
            "venv",
            ["venv/bin/python", "pyproject.toml"],
            ["Installing dependencies in virtual environment"],
            ".",
        ),
        ("venv", ["venv/bin/python"], [], None),
    ],
)
def test_install_steps(
    tmp_path: Path, virtualenv: str | None, files: list[str], titles: list[str], last: str | None
) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    given = {} if virtualenv is None else {"virtualenv": virtualenv}
    options = parse_options(given, root=tmp_path, program=tmp_path / "stacks")

    steps = install_steps(options, Path("/usr/bin/python3"))

    assert [step.title for step in steps] == titles
    if last is not None:
        assert Path(steps[-1].command[-1]) == tmp_path / last
        assert steps[-1].command[0] == (
            str(tmp_path / "venv/bin/python") if virtualenv else "/usr/bin/python3"
        )
