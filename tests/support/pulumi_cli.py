"""Runs the plain Pulumi CLI in a folder."""

import subprocess
from collections.abc import Mapping
from pathlib import Path


def run_pulumi(directory: Path, env: Mapping[str, str], *arguments: str, ok: bool = True) -> str:
    """What a command prints, errors included; fails the test when it ends otherwise than expected."""
    done = subprocess.run(
        ["pulumi", *arguments, "--non-interactive", "--color", "never"],
        cwd=directory,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode == 0) == ok, done.stdout
    return done.stdout
