"""The project as it was at a Git revision, wherever in the repository it lies."""

import subprocess
from pathlib import Path

import pytest

from headway_cli.errors import HeadwayError, WrongUseError
from headway_cli.gate.git_tree import commit_of, link_virtualenv, write_tree


def _git(folder: Path, *arguments: str) -> None:
    own = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(folder), *own, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "a repository"
    program = root / "shop" / "program"
    program.mkdir(parents=True)
    settings = "name: shop\nruntime: {name: python, options: {virtualenv: .venv}}\n"
    (root / "shop" / "Pulumi.yaml").write_text(settings, "utf-8")
    (program / "__main__.py").write_text("of then\n", "utf-8")
    (root / "beside.txt").write_text("not of the project\n", "utf-8")
    _git(root, "init", "-q")
    _git(root, "add", ".")
    _git(root, "commit", "-qm", "one")
    (program / "__main__.py").write_text("of now\n", "utf-8")
    (root / "shop" / ".venv").mkdir()
    return root


def test_a_project_below_the_repository_is_written_as_it_was(repository: Path, tmp_path: Path) -> None:
    root, folder = repository / "shop", tmp_path / "then"
    folder.mkdir()
    write_tree(root, commit_of(root, "HEAD"), folder)
    link_virtualenv(root, folder)

    assert (folder / "program" / "__main__.py").read_text("utf-8") == "of then\n"
    assert {path.name for path in folder.iterdir()} == {"Pulumi.yaml", "program", ".venv"}
    assert (folder / ".venv").resolve() == (root / ".venv").resolve()
    assert (root / "program" / "__main__.py").read_text("utf-8") == "of now\n"


def test_a_folder_that_was_not_there_then_cannot_be_written(repository: Path, tmp_path: Path) -> None:
    later = repository / "later"
    later.mkdir()
    with pytest.raises(HeadwayError, match="was not there"):
        write_tree(later, commit_of(later, "HEAD"), tmp_path / "then")


@pytest.mark.parametrize("revision", ["nowhere", "-x", "--help", "", "HEAD:shop"])
def test_what_is_no_revision_is_wrong_use(repository: Path, revision: str) -> None:
    with pytest.raises(WrongUseError, match="knows no revision"):
        commit_of(repository, revision)
