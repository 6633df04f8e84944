"""What README and docs show is real: commands exist, and Python type-checks."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from support.readme import PAGES, ROOT, Block, blocks, commands

ALL = [block for page in PAGES for block in blocks(page)]
SHELL = [block for block in ALL if block.language in {"sh", "shell", "bash", "console"}]
PYTHON = [block for block in ALL if block.language == "python"]
# Shown, not run: they need a registry, an account or another machine.
NEEDS_ELSEWHERE = ("docker ", "aws ", "git clone ")


def _named(found: list[Block]) -> list[object]:
    return [pytest.param(block, id=block.name) for block in found]


def _check_headway(words: list[str]) -> None:
    verb = [word for word in words[1:] if not word.startswith("-")]
    options = [word.split("=", 1)[0] for word in words[1:] if word.startswith("--")]
    for depth in (2, 1):
        run = subprocess.run(
            [sys.executable, "-m", "headway_cli", *verb[:depth], "--help"],
            capture_output=True,
            text=True,
            check=False,
            env={"COLUMNS": "200", "NO_COLOR": "1", "PATH": "/usr/bin:/bin"},
        )
        if run.returncode == 0:
            break

    assert run.returncode == 0, run.stderr
    assert [option for option in options if option not in run.stdout] == []


@pytest.mark.parametrize("block", _named(SHELL))
def test_a_command_that_is_shown_exists(block: Block) -> None:
    for command in commands(block):
        inner = re.sub(r'^eval "\$\((.*)\)"$', r"\1", command)
        words = shlex.split(inner)
        if inner.startswith(NEEDS_ELSEWHERE):
            continue
        program = Path(words[0]).name
        if program == "make":
            subprocess.run(["make", "--dry-run", *words[1:]], cwd=ROOT, check=True, capture_output=True)
        elif program == "headway":
            _check_headway(words)
        elif program in {"pulumi", "python", "cd"}:
            continue  # run by the newcomer's story in tests/system
        else:
            pytest.fail(f"no test knows how to check {command!r}")


def test_python_that_is_shown_type_checks(tmp_path: Path) -> None:
    for number, block in enumerate(PYTHON):
        (tmp_path / f"block_{number}.py").write_text(block.body, "utf-8")
    shown = sorted(str(path) for path in tmp_path.glob("*.py"))

    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), *shown],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout
