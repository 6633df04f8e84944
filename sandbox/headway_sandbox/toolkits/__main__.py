"""What AWS's framework images start: ``python -m headway_sandbox.toolkits [--needs ...] train|serve``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path


def main() -> int:
    """Trains or serves with a user's code.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="headway_sandbox.toolkits", allow_abbrev=False)
    parser.add_argument(
        "--needs",
        action="append",
        default=[],
        metavar="MODULE=PACKAGE",
        help="a package that the image has: the name it is imported under, and its name for pip",
    )
    parser.add_argument("command", choices=["train", "serve"])
    arguments = parser.parse_args()
    needs = dict(need.split("=", 1) if "=" in need else (need, need) for need in arguments.needs)
    base = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
    if arguments.command == "train":
        from headway_sandbox.toolkits.training import train  # noqa: PLC0415 - serving does not wait for it

        return train(base, needs)
    from headway_sandbox.toolkits.inference import serve  # noqa: PLC0415

    return serve(base, needs, ["-m", "headway_sandbox.toolkits", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
