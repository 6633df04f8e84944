"""``python -m headway_sandbox --state-dir DIR --port N`` runs the sandbox in the foreground."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from headway_sandbox.daemon import run
from headway_sandbox.lifecycle import SandboxError, configured_port


def main() -> int:
    """Runs the server until it is told to stop; the exit status is 1 if it cannot start."""
    parser = argparse.ArgumentParser(
        prog="python -m headway_sandbox", description="Runs the sandbox in the foreground."
    )
    parser.add_argument("--state-dir", type=Path, required=True, help="directory that holds all of its state")
    parser.add_argument("--port", type=int, help="port on 127.0.0.1; 0 chooses a free one")
    parser.add_argument("--ready-fd", type=int, help=argparse.SUPPRESS)
    parser.add_argument(
        "--enforce-iam", action="store_true", help="authorise every call against its caller's policies"
    )
    arguments = parser.parse_args()
    try:
        run(
            arguments.state_dir.resolve(),
            configured_port() if arguments.port is None else arguments.port,
            ready_fd=arguments.ready_fd,
            enforce_iam=arguments.enforce_iam,
        )
    except SandboxError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
