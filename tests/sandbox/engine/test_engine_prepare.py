"""Making a project's home ready for Pulumi."""

import shlex
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from headway_sandbox.engine import Engine, EngineError, prepare


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    pulumi = tmp_path / "installed" / "pulumi"
    pulumi.parent.mkdir()
    pulumi.write_text("#!/bin/sh\necho v3.259.0\n")
    pulumi.chmod(0o755)
    monkeypatch.setenv("PATH", "/nowhere")
    return Engine(pulumi, "3.259.0", "path")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "it's a home"


def launcher_words(path: Path) -> list[str]:
    shebang, line = path.read_text().splitlines()
    assert shebang == "#!/bin/sh"
    return shlex.split(line)


def test_environment_leads_to_the_home_and_keeps_the_rest_of_path(
    engine: Engine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = prepare(engine, home, Path(sys.executable))
    monkeypatch.setenv("PATH", env["PATH"])

    assert prepare(engine, home, Path(sys.executable)) == env
    assert env["PATH"] == f"{home}/pulumi/bin:/nowhere"
    assert env["PULUMI_HOME"] == f"{home}/pulumi/home"
    assert unquote(urlsplit(env["PULUMI_BACKEND_URL"]).path) == f"{home}/pulumi/state"
    assert (home / "pulumi" / "bin" / "pulumi").resolve() == engine.pulumi
    assert (home / "pulumi").stat().st_mode & 0o077 == 0


def test_launchers_survive_any_path(engine: Engine, home: Path) -> None:
    prepare(engine, home, Path(sys.executable))
    plugins = home / "pulumi" / "home" / "plugins"
    provider = plugins / f"resource-aws-v{version('pulumi-aws')}" / "pulumi-resource-aws"
    host = next(plugins.glob("language-python-v*/pulumi-language-python"))

    for path, module in (
        (provider, "headway_sandbox.provider"),
        (host, "headway_sandbox.engine.language_host"),
    ):
        assert launcher_words(path) == ["exec", sys.executable, "-u", "-P", "-m", module, "$@"]
        assert path.stat().st_mode & 0o111


@pytest.mark.parametrize("place", ["beside the CLI", "on PATH"])
def test_the_official_host_is_left_to_its_work(
    engine: Engine, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    prepare(engine, home, Path(sys.executable))
    assert list(home.rglob("pulumi-language-python"))
    directory = engine.pulumi.parent if place == "beside the CLI" else tmp_path / "elsewhere"
    directory.mkdir(exist_ok=True)
    monkeypatch.setenv("PATH", str(tmp_path / "elsewhere"))
    (directory / "pulumi-language-python").write_text("#!/bin/sh\n")
    (directory / "pulumi-language-python").chmod(0o755)

    prepare(engine, home, Path(sys.executable))

    assert not list(home.rglob("pulumi-language-python"))


def test_a_link_to_an_engine_that_moved_is_renewed(engine: Engine, home: Path, tmp_path: Path) -> None:
    prepare(engine, home, Path(sys.executable))
    moved = engine.pulumi.rename(tmp_path / "pulumi")
    prepare(Engine(moved, engine.version, "path"), home, Path(sys.executable))
    assert (home / "pulumi" / "bin" / "pulumi").resolve() == moved


def test_an_interpreter_without_the_sdk_is_named(engine: Engine, home: Path, tmp_path: Path) -> None:
    environment = tmp_path / "empty"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    python = environment / "bin" / "python"
    with pytest.raises(EngineError, match="pulumi-aws is not installed for"):
        prepare(engine, home, python)


def test_a_home_that_cannot_be_written_is_named(engine: Engine, home: Path) -> None:
    home.touch()
    with pytest.raises(EngineError, match="could not be made ready for Pulumi"):
        prepare(engine, home, Path(sys.executable))
