"""The part of a project's home that Pulumi uses: launchers, plugins, state, and the environment for it.

Everything lies under `<home>/pulumi`: `home` is PULUMI_HOME, with the stand-ins for the language host and the
AWS provider in its plugin cache; `state` is the backend; `bin` holds `pulumi` and comes first on PATH.

The passphrase. Pulumi's file backend encrypts secrets with a passphrase and writes `encryptionsalt`, which
only that passphrase opens, into the stack's configuration file, which is committed. A passphrase made at
random in every checkout would therefore change the file in each of them and open it in none but the first.
The sandbox holds no real secrets, and its state is its owner's alone, so its passphrase is a constant: a
committed `encryptionsalt` works in every clone, `pulumi stack init` leaves the file as it is, and `git
status` stays clean. It replaces a passphrase of the user's, which belongs to another backend and would not
open the file.
"""

import importlib.metadata
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from headway_sandbox.engine.errors import EngineError
from headway_sandbox.engine.locate import Engine
from headway_sandbox.engine.versions import PINNED_VERSION

SANDBOX_PASSPHRASE = "headway-sandbox"  # noqa: S105  (protects nothing; see above)
LANGUAGE_HOST = "pulumi-language-python"
PROVIDER = "pulumi-resource-aws"
_OFFLINE = {
    "PULUMI_SKIP_UPDATE_CHECK": "true",
    "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    "PULUMI_DISABLE_REGISTRY_RESOLVE": "true",
}


def prepare(engine: Engine, home: Path, python: Path) -> dict[str, str]:
    """Make a project's home ready for plain `pulumi` commands; quick when it is ready.

    Args:
        engine: The Pulumi CLI.
        home: The project's home (`.headway`).
        python: Interpreter with Headway and pulumi-aws: runs the language host and the provider stand-in, and
            programs whose project names no `virtualenv`.

    Returns:
        Environment variables to set over the present ones.

    Raises:
        EngineError: When the home cannot be written or pulumi-aws is not installed.
    """
    base = home.absolute() / "pulumi"
    places = {name: base / name for name in ("home", "state", "bin")}
    try:
        # State may hold what a program calls secret.
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        for place in places.values():
            place.mkdir(exist_ok=True)
        _link(places["bin"] / "pulumi", engine.pulumi)
        _install_language_host(engine, places["home"], python)
        _install_provider(places["home"], python)
    except OSError as error:
        raise EngineError(f"{base} could not be made ready for Pulumi: {error.strerror or error}") from error
    return {
        **_OFFLINE,
        "PATH": _first_on_path(places["bin"], os.environ),
        "PULUMI_HOME": str(places["home"]),
        "PULUMI_BACKEND_URL": places["state"].as_uri(),
        "PULUMI_PYTHON_CMD": str(python),
        "PULUMI_CONFIG_PASSPHRASE": SANDBOX_PASSPHRASE,
    }


def has_official_host(engine: Engine, environment: Mapping[str, str]) -> bool:
    """Whether the engine finds the official Python language host.

    Args:
        engine: The Pulumi CLI; hosts lie beside its real path.
        environment: Where PATH is read.

    Returns:
        True when it does.
    """
    places = [environment.get("PATH", os.defpath), str(engine.pulumi.parent)]
    return shutil.which(LANGUAGE_HOST, path=os.pathsep.join(places)) is not None


def _install_language_host(engine: Engine, pulumi_home: Path, python: Path) -> None:
    # In the plugin cache, not on PATH: the engine warns of every language host that it finds on PATH.
    folder = pulumi_home / "plugins" / f"language-python-v{PINNED_VERSION}"
    if has_official_host(engine, os.environ):
        shutil.rmtree(folder, ignore_errors=True)
    else:
        _write_launcher(folder / LANGUAGE_HOST, python, "headway_sandbox.engine.language_host")


def _install_provider(pulumi_home: Path, python: Path) -> None:
    # The engine takes an installed plugin only when its version is exactly the one that the SDK asks for.
    folder = pulumi_home / "plugins" / f"resource-aws-v{_sdk_version(python)}"
    _write_launcher(folder / PROVIDER, python, "headway_sandbox.provider")


def _sdk_version(python: Path) -> str:
    if python.absolute() == Path(sys.executable).absolute():
        try:
            return importlib.metadata.version("pulumi-aws")
        except importlib.metadata.PackageNotFoundError as error:
            raise _missing_sdk(python) from error
    ask = "import importlib.metadata as m; print(m.version('pulumi-aws'))"
    done = subprocess.run([str(python), "-c", ask], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise _missing_sdk(python)
    return done.stdout.strip()


def _missing_sdk(python: Path) -> EngineError:
    return EngineError(
        f"pulumi-aws is not installed for {python}; run `{python} -m pip install headway` first"
    )


def _write_launcher(path: Path, python: Path, module: str) -> None:
    # -P keeps the directory that Pulumi runs in off sys.path, where a program's files would shadow ours.
    text = f'#!/bin/sh\nexec {shlex.quote(str(python))} -u -P -m {module} "$@"\n'
    if path.is_file() and os.access(path, os.X_OK) and path.read_text("utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.write_text(text, encoding="utf-8")
    scratch.chmod(0o755)
    scratch.replace(path)


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and link.readlink() == target:
        return
    scratch = link.with_name(f".{link.name}.{os.getpid()}")
    scratch.unlink(missing_ok=True)
    scratch.symlink_to(target)
    scratch.replace(link)


def _first_on_path(directory: Path, environment: Mapping[str, str]) -> str:
    entries = environment.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join([str(directory), *(entry for entry in entries if entry != str(directory))])
