"""Where things are: the project, its home (the state of one checkout) and the user's cache."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from headway_cli.errors import HeadwayError, WrongUseError
from headway_sandbox import lifecycle

LOCAL_STACK = "local"
"""The stack that lives in the sandbox."""

MINIMUM_FREE_BYTES = 2 * 1024**3
"""Below this the sandbox would run full while it trains."""


@dataclass(frozen=True)
class Project:
    """The places of one checkout.

    Args:
        root: The folder with `Pulumi.yaml`; None where a home is set and no project is around.
        home: The state of this checkout.
        cache: What is shared between checkouts, such as a built engine.
    """

    root: Path | None
    home: Path
    cache: Path

    @property
    def program_root(self) -> Path:
        """The folder with `Pulumi.yaml`.

        Raises:
            HeadwayError: There is none here.
        """
        if self.root is None:
            raise HeadwayError("there is no Pulumi.yaml here or above; go to a Headway project first")
        return self.root

    @property
    def sandbox_dir(self) -> Path:
        """The sandbox's state."""
        return self.home / "sandbox"

    @property
    def pulumi_state_dir(self) -> Path:
        """Pulumi's state of the stacks that live in the sandbox."""
        return self.home / "pulumi" / "state"

    @property
    def log_dir(self) -> Path:
        """What the last commands wrote in full."""
        return self.home / "logs"


def find_project(start: Path | None = None, environment: Mapping[str, str] | None = None) -> Project:
    """Finds the project around a folder.

    Args:
        start: Where to look from, upwards; the working directory where it is left out.
        environment: Where `HEADWAY_HOME`, `HEADWAY_CACHE` and `XDG_CACHE_HOME` are read; the process's own
            where it is left out.

    Raises:
        HeadwayError: There is no project, and no home is set either.
    """
    here = _working_directory() if start is None else start.resolve()
    variables = os.environ if environment is None else environment
    root = next((folder for folder in (here, *here.parents) if (folder / "Pulumi.yaml").is_file()), None)
    home = variables.get("HEADWAY_HOME")
    if home:
        return Project(root=root, home=Path(home).absolute(), cache=_cache(variables))
    if root is None:
        raise HeadwayError(
            f"there is no Pulumi.yaml in {here} or above it; go to a Headway project, or set HEADWAY_HOME"
        )
    return Project(root=root, home=root / ".headway", cache=_cache(variables))


def sandbox_port() -> int:
    """The port of the sandbox: `HEADWAY_SANDBOX_PORT`, else the default.

    Raises:
        WrongUseError: The variable is no port.
    """
    try:
        return lifecycle.configured_port()
    except lifecycle.SandboxError as error:
        raise WrongUseError(str(error)) from error


def require_free_space(place: Path, minimum_bytes: int = MINIMUM_FREE_BYTES) -> None:
    """Refuses to start where the disk would run full.

    Raises:
        HeadwayError: Less is free than is needed.
    """
    free = free_bytes(place)
    if free < minimum_bytes:
        raise HeadwayError(
            f"{free / 1024**3:.1f} GiB are free where {place} lies, and {minimum_bytes / 1024**3:.1f} GiB "
            "are needed; free some space, or set HEADWAY_HOME to a place that has it"
        )


def free_bytes(place: Path) -> int:
    """What is free on the disk that a place lies on, or will lie on."""
    existing = next(folder for folder in (place, *place.parents) if folder.exists())
    return shutil.disk_usage(existing).free


def _working_directory() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise HeadwayError(
            "the folder that this runs in is not there any more; go to a project first"
        ) from None


def _cache(environment: Mapping[str, str]) -> Path:
    own = environment.get("HEADWAY_CACHE")
    if own:
        return Path(own).absolute()
    shared = environment.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path.home() / ".cache") / "headway"
