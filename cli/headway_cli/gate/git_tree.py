"""A project as it was at a Git revision, in a folder of its own: nothing of the checkout is touched."""

import io
import subprocess
import tarfile
from pathlib import Path
from typing import Final

from headway_cli.errors import HeadwayError, WrongUseError
from headway_cli.gate.stack_settings import virtualenv

_DEPTH: Final = "a shallow clone holds no other revisions, so fetch it first (in CI: fetch-depth: 0)"


def commit_of(root: Path, revision: str) -> str:
    """The commit that a revision stands for.

    Args:
        root: The folder with `Pulumi.yaml`.
        revision: The revision, for example `origin/main`.

    Raises:
        WrongUseError: There is no Git or no such revision.
    """
    found = None
    if not revision.startswith("-"):
        found = git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if found is None:
        raise WrongUseError(f"Git knows no revision {revision!r} in {root}; {_DEPTH}")
    return found.decode().strip()


def write_tree(root: Path, commit: str, folder: Path) -> None:
    """Writes the project's files as they were at a commit into an empty folder.

    Args:
        root: The folder with `Pulumi.yaml`; what lies beside it in the repository is left out.
        commit: The commit.
        folder: Where to.

    Raises:
        HeadwayError: The project was not in the repository then, or its files lead out of it.
    """
    # From a folder of the repository Git archives that folder, with paths that begin there.
    archived = git(root, "archive", "--format=tar", commit)
    if archived is None:
        raise HeadwayError(f"the project was not there at {commit}")
    try:
        with tarfile.open(fileobj=io.BytesIO(archived)) as archive:
            archive.extractall(folder, filter="data")
    except (tarfile.TarError, OSError) as error:
        raise HeadwayError(f"its files at {commit} could not be written: {error}") from None


def link_virtualenv(root: Path, folder: Path) -> None:
    """Lets a project's files of then run with the libraries of now, where the project names an environment.

    Raises:
        HeadwayError: `Pulumi.yaml` of one of the two cannot be read.
    """
    named = virtualenv(folder)
    if named is None or Path(named).is_absolute() or (folder / named).exists():
        return
    target = root / named
    if target.is_dir() and (folder / named).resolve().is_relative_to(folder.resolve()):
        (folder / named).parent.mkdir(parents=True, exist_ok=True)
        (folder / named).symlink_to(target.resolve(), target_is_directory=True)


def git(root: Path, *arguments: str) -> bytes | None:
    """What a Git command prints; None where it fails.

    Raises:
        WrongUseError: There is no Git.
    """
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except FileNotFoundError:
        raise WrongUseError("--base needs Git, and there is none on PATH") from None
    return done.stdout if done.returncode == 0 else None
