"""Programs on disk, run by the real Pulumi CLI through our language host."""

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from headway_sandbox.engine import Engine, ensure_stack, prepare
from support.pulumi_cli import run_pulumi

CONFIGURED = """
import pulumi

class Pair(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("test:index:Pair", name)
        self.register_outputs({"name": name})

config = pulumi.Config()
print("stdout of the program")
Pair("first")
pulumi.export("greeting", config.require("greeting"))
pulumi.export("token", config.require_secret("token"))
pulumi.export("where", [pulumi.get_organization(), pulumi.get_project(), pulumi.get_stack()])
"""


class Project:
    """A Pulumi project in a directory of its own, and the CLI in it."""

    def __init__(self, directory: Path, env: Mapping[str, str], runtime: str = "python") -> None:
        self.directory = directory
        self.env = env
        directory.mkdir(parents=True, exist_ok=True)
        self.write("Pulumi.yaml", f"name: demo\nruntime: {runtime}\n")

    def write(self, name: str, text: str) -> Path:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def pulumi(self, *arguments: str, ok: bool = True) -> str:
        return run_pulumi(self.directory, self.env, *arguments, ok=ok)


@pytest.fixture
def project(pulumi_home: Path, pulumi_env: dict[str, str]) -> Project:
    return Project(pulumi_home.parent, pulumi_env)


def select(project: Project, stack: str = "local") -> None:
    ensure_stack(project.env, project.directory, stack)


@pytest.fixture(scope="module")
def without_program(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a stack for programs that fail, and so leave nothing in it."""
    home = tmp_path_factory.mktemp("failing") / "a project" / ".headway"
    project = Project(home.parent, {**os.environ, **prepare(engine, home, Path(sys.executable))})
    select(project)
    return project


def test_program_gets_configuration_and_secrets_and_shows_its_output(project: Project) -> None:
    project.write("__main__.py", CONFIGURED)
    select(project)
    project.pulumi("config", "set", "greeting", "hello")
    project.pulumi("config", "set", "--secret", "token", "s3cret-value")
    committed = (project.directory / "Pulumi.local.yaml").read_text()

    updated = project.pulumi("up", "--yes", "--skip-preview")
    outputs = json.loads(project.pulumi("stack", "output", "--json", "--show-secrets"))

    assert "stdout of the program" in updated
    assert "s3cret-value" not in updated + committed
    assert "$PATH" not in updated, "the engine warns of a language host on PATH"
    assert outputs == {
        "greeting": "hello",
        "token": "s3cret-value",
        "where": ["organization", "demo", "local"],
    }
    assert "2 unchanged" in project.pulumi("preview", "--expect-no-changes")


def test_a_fresh_clone_reads_committed_configuration_and_leaves_it_as_it_is(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[bytes] = []
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "of another backend")
    for clone in ("first", "second"):
        directory = tmp_path / clone
        env = prepare(engine, directory / ".headway", Path(sys.executable))
        project = Project(directory, {**env, "HOME": str(tmp_path)})
        project.write(
            "__main__.py", "import pulumi\npulumi.export('t', pulumi.Config().require_secret('t'))\n"
        )
        if written:
            (directory / "Pulumi.local.yaml").write_bytes(written[0])
        select(project)
        if not written:
            project.pulumi("config", "set", "--secret", "t", "value")
            written.append((directory / "Pulumi.local.yaml").read_bytes())
    project.pulumi("up", "--yes", "--skip-preview")

    assert json.loads(project.pulumi("stack", "output", "--json", "--show-secrets")) == {"t": "value"}
    assert (project.directory / "Pulumi.local.yaml").read_bytes() == written[0]


@pytest.mark.parametrize(
    ("program", "shown", "hidden"),
    [
        (
            "def inner():\n    raise ValueError('boom')\ninner()\n",
            ["Program failed with an unhandled exception", '__main__.py", line 3', "ValueError: boom"],
            ["executor.py", "runpy", "exit code"],
        ),
        (
            "import pulumi\nraise pulumi.RunError('the model is too big')\n",
            ["error: the model is too big"],
            ["Traceback"],
        ),
        ("import sys\nsys.exit(3)\n", ["program exited with non-zero exit code: 3"], ["Traceback"]),
        ("def broken(:\n", ["SyntaxError", '__main__.py", line 1'], ["executor.py", "exit code"]),
        (
            "import no_such_module\n",
            ["ModuleNotFoundError: No module named 'no_such_module'"],
            ["executor.py"],
        ),
        (
            "import pulumi\npulumi.Output.from_input(1).apply(lambda _: 1 / 0)\n",
            ["ZeroDivisionError"],
            ["exit code"],
        ),
        (None, ["unable to find main python program `__main__.py`"], ["Traceback", "exit code"]),
    ],
    ids=["exception", "run-error", "exit", "syntax", "import", "apply", "no-program"],
)
def test_a_failing_program_is_reported_once(
    without_program: Project, program: str | None, shown: list[str], hidden: list[str]
) -> None:
    main = without_program.directory / "__main__.py"
    main.unlink(missing_ok=True)
    if program is not None:
        main.write_text(program, "utf-8")

    output = without_program.pulumi("preview", ok=False)
    # Progress lines and the diagnostics below them repeat a message when output is not a terminal.
    diagnostics = output.partition("Diagnostics:")[2]

    for text in shown:
        assert diagnostics.count(text) == 1, output
    for text in hidden:
        assert text not in diagnostics, output


def test_a_program_in_main_may_have_modules_named_like_ours(project: Project) -> None:
    project.write("Pulumi.yaml", "name: demo\nruntime: python\nmain: stacks/\n")
    project.write("stacks/build.py", "NAME = 'the program\\'s own'\n")
    project.write("stacks/__main__.py", "import build, pulumi\npulumi.export('name', build.NAME)\n")
    select(project)

    assert "the program's own" in project.pulumi("up", "--yes", "--skip-preview")


def test_virtualenv_option_is_relative_to_the_project(project: Project) -> None:
    runtime = "\n  name: python\n  options:\n    toolchain: pip\n    virtualenv: environments/one"
    project = Project(project.directory, project.env, runtime)
    project.write("Pulumi.yaml", f"name: demo\nmain: stacks\nruntime: {runtime}\n")
    project.write("stacks/__main__.py", "import sys, pulumi\npulumi.export('prefix', sys.prefix)\n")
    select(project)

    missing = project.pulumi("preview", ok=False)
    make_virtualenv(project.directory / "environments" / "one")
    project.pulumi("up", "--yes", "--skip-preview")

    assert "environments/one\" doesn't exist" in missing
    assert "python3 -m venv" in missing
    outputs = json.loads(project.pulumi("stack", "output", "--json"))
    assert outputs == {"prefix": str(project.directory / "environments" / "one")}


def test_about_lists_what_the_environment_holds(project: Project) -> None:
    project.write("__main__.py", "")
    about = json.loads(project.pulumi("about", "--json", "--transitive"))

    assert about["runtime"]["language"] == "python"
    assert about["runtime"]["executable"] == sys.executable
    assert {"pulumi", "pulumi-aws", "grpcio"} <= {entry["name"] for entry in about["dependencies"]}
    assert {"resource", "language"} <= {entry["kind"] for entry in about["plugins"]}


def test_install_makes_the_virtualenv_and_installs_requirements(project: Project) -> None:
    runtime = "\n  name: python\n  options: {virtualenv: venv}"
    project = Project(project.directory, project.env, runtime)
    project.write("__main__.py", "")
    write_wheel(project.directory / "wheels" / "demo_thing-1.0-py3-none-any.whl")
    project.write("requirements.txt", "--no-index\n--find-links wheels\ndemo-thing\n")

    output = project.pulumi("install", "--no-plugins")

    assert "Successfully installed demo-thing-1.0" in output
    python = project.directory / "venv" / "bin" / "python"
    assert subprocess.run([python, "-c", "import demo_thing"], check=False).returncode == 0


def test_preparing_a_home_again_writes_nothing(engine: Engine, pulumi_home: Path) -> None:
    first = prepare(engine, pulumi_home, Path(sys.executable))
    files = snapshot(pulumi_home)
    assert prepare(engine, pulumi_home, Path(sys.executable)) == first
    assert snapshot(pulumi_home) == files


def snapshot(directory: Path) -> dict[Path, int]:
    return {path: path.lstat().st_mtime_ns for path in directory.rglob("*")}


def make_virtualenv(directory: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(directory)], check=True)
    packages = next(directory.glob("lib/python*/site-packages"))
    mine = next(path for path in sys.path if path.endswith("site-packages"))
    (packages / "shared.pth").write_text(mine + "\n")


def write_wheel(path: Path) -> None:
    path.parent.mkdir(parents=True)
    information = "demo_thing-1.0.dist-info"
    files: dict[str, str] = {
        "demo_thing.py": "",
        f"{information}/METADATA": "Metadata-Version: 2.1\nName: demo-thing\nVersion: 1.0\n",
        f"{information}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{information}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{information}/RECORD"])
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
