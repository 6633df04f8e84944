"""A Python environment of a container's own: it sees what is installed here and changes none of it."""

from __future__ import annotations

import sysconfig
import venv
from pathlib import Path

MARKER = "_what_is_installed_here.pth"
"""The file that shows an environment what is installed here; only environments of containers have it."""

_PIP = """#!/bin/sh
exec "$(dirname "$0")/python" -m pip "$@"
"""


def make_environment(directory: Path) -> Path:
    """Makes a Python environment, in milliseconds.

    It sees every package of the interpreter that runs this. What a container installs goes into the
    directory, and what it would replace here stays: pip leaves alone what is outside of its environment.

    Args:
        directory: Where it is made; what is there already stays.

    Returns:
        The directory of its programs ``python``, ``python3`` and ``pip``, for PATH.
    """
    venv.EnvBuilder(symlinks=True, with_pip=False).create(directory)
    own = Path(sysconfig.get_path("purelib", vars={"base": str(directory), "platbase": str(directory)}))
    seen = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    lines = [f"import site; site.addsitedir({place!r})" for place in seen]
    (own / MARKER).write_text("\n".join(lines) + "\n", encoding="utf-8")
    programs = directory / "bin"
    for name in ("pip", "pip3"):
        (programs / name).write_text(_PIP, encoding="utf-8")
        (programs / name).chmod(0o755)
    return programs
