"""Script mode: runs a user's training script as the sagemaker-training toolkit does."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headway_sandbox.toolkits.errors import ToolkitError
from headway_sandbox.toolkits.packages import install_requirements, missing_package
from headway_sandbox.toolkits.training_variables import (
    configured_variables,
    decoded,
    for_script,
    script_arguments,
)
from headway_sandbox.toolkits.user_code import fetch_code, require_program

PROGRAM, SUBMIT_DIRECTORY = "sagemaker_program", "sagemaker_submit_directory"
_LAUNCHERS = (
    "sagemaker_distributed_dataparallel_enabled",
    "sagemaker_mpi_enabled",
    "sagemaker_multi_worker_mirrored_strategy_enabled",
    "sagemaker_parameter_server_enabled",
    "sagemaker_pytorch_ddp_enabled",
    "sagemaker_torch_distributed_enabled",
)
_TAIL_LINES = 20


def train(base: Path, needs: Mapping[str, str]) -> int:
    """Runs the script that a job's hyperparameters name.

    Args:
        base: What stands for /opt/ml.
        needs: Packages that the image has: for pip, by the name they are imported under.

    Returns:
        The exit code.
    """
    failure = base / "output" / "failure"
    try:
        return _train(base, needs, failure)
    except ToolkitError as error:
        failure.write_text(str(error), encoding="utf-8")
        sys.stderr.write(f"{error}\n")
        return 1


def _train(base: Path, needs: Mapping[str, str], failure: Path) -> int:
    config = base / "input" / "config" / "hyperparameters.json"
    hyperparameters = decoded(json.loads(config.read_text(encoding="utf-8")))
    program = _program(hyperparameters)
    source = hyperparameters.get(SUBMIT_DIRECTORY, os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY"))
    code = fetch_code(source, base) if isinstance(source, str) else base / "code"
    require_program(code, program)
    install_requirements(code)
    root = os.environ.get("SAGEMAKER_BASE_DIR", str(base))
    command = _command(code, program, script_arguments(for_script(hyperparameters)))
    environment = {
        **os.environ,
        **configured_variables(base, root, program),
        "PYTHONPATH": os.pathsep.join([str(code), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    code_of_exit, last_lines = _run(command, code, environment)
    if code_of_exit != 0:
        message = last_lines[-1] if last_lines else ""
        hint = missing_package(message, needs)
        after = "" if hint is None else f"\n{hint}"
        failure.write_text(
            f"ExecuteUserScriptError:\nExitCode {code_of_exit}\nErrorMessage {json.dumps(message)}\n"
            f"Command {json.dumps(shlex.join(command))}{after}",
            encoding="utf-8",
        )
    return code_of_exit


def _program(hyperparameters: Mapping[str, Any]) -> str:
    program = hyperparameters.get(PROGRAM, os.environ.get("SAGEMAKER_PROGRAM"))
    if not isinstance(program, str):
        raise ToolkitError(
            f"The job has no script: the hyperparameter {PROGRAM} is {program!r}. Name one (`entry_point` "
            "in the SageMaker SDK), or give the job a command with ContainerEntrypoint; the algorithms that "
            "AWS builds into its images are not emulated by this sandbox."
        )
    launchers = [name for name in _LAUNCHERS if hyperparameters.get(name) is True]
    if launchers:
        raise ToolkitError(
            f"{', '.join(launchers)}: launching a script by this way of distribution is not emulated by this "
            "sandbox. Run it on one host without it, or start the processes in the script from SM_HOSTS."
        )
    return program


def _command(code: Path, program: str, arguments: list[str]) -> list[str]:
    if program.endswith(".sh"):
        return ["/bin/sh", program, *arguments]
    if (code / "setup.py").is_file():
        return [sys.executable, "-m", program.removesuffix(".py"), *arguments]
    return [sys.executable, program, *arguments]


def _run(command: list[str], directory: Path, environment: Mapping[str, str]) -> tuple[int, list[str]]:
    """Runs the script, passes on what it writes, and returns its exit code and its last lines of error."""
    # The script gets the signal too, being in the same group, and decides what it does about it.
    signal.signal(signal.SIGTERM, lambda *_: None)
    last: deque[str] = deque(maxlen=_TAIL_LINES)
    with subprocess.Popen(
        command, cwd=directory, env=dict(environment), stderr=subprocess.PIPE, text=True, errors="replace"
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            sys.stderr.write(line)
            sys.stderr.flush()
            if line.strip():
                last.append(line.strip())
    code = process.returncode
    return (code if code >= 0 else 128 - code), list(last)
