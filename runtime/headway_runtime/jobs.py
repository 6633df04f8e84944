"""Where a SageMaker job finds its inputs, leaves its outputs and says why it failed."""

import errno
import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headway_runtime.contract import Contract, ContractError

BASE_DIR_VARIABLE = "SAGEMAKER_BASE_DIR"
DEFAULT_BASE_DIR = "/opt/ml"
MESSAGE_LIMIT = 1024
"""Characters that SageMaker keeps of a failure reason or an exit message."""

_MACHINE_ERRORS = {
    errno.ENOSPC: "free some space or give the job a larger volume",
    errno.EDQUOT: "free some space or raise the quota",
    errno.EACCES: "let the user of the job write there",
    errno.EROFS: "mount it writable",
}


class JobError(Exception):
    """A job cannot go on; the message is what a person needs to know and do."""


@dataclass(frozen=True)
class JobPaths:
    """The directories of one job.

    Attributes:
        base: What `/opt/ml` is for this job.
    """

    base: Path

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "JobPaths":
        """Paths under `SAGEMAKER_BASE_DIR`, else under `/opt/ml`."""
        return cls(Path(environment.get(BASE_DIR_VARIABLE, DEFAULT_BASE_DIR)))

    def processing_input(self, name: str) -> Path:
        """Directory of a processing input."""
        return self.base / "processing/input" / name

    def processing_output(self, name: str) -> Path:
        """Directory of a processing output, made if it is missing."""
        path = self.base / "processing/output" / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def channel(self, name: str) -> Path:
        """Directory of a training channel."""
        return self.base / "input/data" / name

    @property
    def hyperparameters(self) -> Path:
        """File with the hyperparameters of a training job."""
        return self.base / "input/config/hyperparameters.json"

    @property
    def model(self) -> Path:
        """Directory whose files become the model artifact."""
        return self.base / "model"

    @property
    def failure(self) -> Path:
        """File whose text becomes the failure reason of a training job."""
        return self.base / "output/failure"

    @property
    def message(self) -> Path:
        """File whose text becomes the exit message of a processing job."""
        return self.base / "output/message"


def job_paths() -> JobPaths:
    """The paths of the job that this process runs."""
    return JobPaths.of(os.environ)


def run_job(work: Callable[[], str], verdict: Path, *, on_success: bool) -> int:
    """Run a job and leave its outcome where SageMaker looks for it.

    Args:
        work: Does the job; returns one sentence that says what was done.
        verdict: The file for a failure reason or exit message.
        on_success: Whether the sentence is written there after a success too (processing: yes, training: no).

    Returns:
        The exit status: 0 done, 1 failed.
    """
    try:
        sentence = work()
    except Exception as error:  # noqa: BLE001 - the edge of the process: everything is reported, then the job fails
        explained = _explained(error)
        if explained is None:
            say(traceback.format_exc(), error=True)
            explained = f"internal error, {type(error).__name__}: {error}; the job's log has the traceback"
        return fail(verdict, explained)
    if on_success:
        _write(verdict, sentence)
    say(sentence)
    return 0


def fail(verdict: Path, sentence: str) -> int:
    """Leave a failure where SageMaker looks for it and in the log; returns the exit status 1."""
    say(f"error: {sentence}", error=True)
    try:
        _write(verdict, sentence)
    except OSError as error:
        say(f"error: the reason cannot be left at {verdict}: {error}", error=True)
    return 1


def _explained(error: Exception) -> str | None:
    """The sentence for a failure that is not a defect of the code; None for one that is."""
    if isinstance(error, JobError):
        return str(error)
    if isinstance(error, OSError) and error.errno in _MACHINE_ERRORS:
        where = "the job's files" if error.filename is None else error.filename
        return f"cannot write {where}: {os.strerror(error.errno)}; {_MACHINE_ERRORS[error.errno]}"
    return None


def _write(path: Path, sentence: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(sentence[:MESSAGE_LIMIT], "utf-8")


def say(text: str, *, error: bool = False) -> None:
    """Write a line to the job's log: standard output, or standard error."""
    print(text, file=sys.stderr if error else sys.stdout, flush=True)


def read_json(path: Path, what: str) -> dict[str, Any]:
    """Read a JSON object that the job was given.

    Args:
        path: The file.
        what: What it is, for the error.

    Raises:
        JobError: The file is missing, is no JSON, or holds no object.
    """
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise JobError(f"{what} is missing: there is no {path}; pass it to the job as an input") from None
    except (ValueError, RecursionError) as error:
        raise JobError(f"{what} at {path} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise JobError(f"{what} at {path} holds {type(value).__name__}; it must be a JSON object")
    return value


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object for people and programs: sorted keys, so equal values are equal files."""
    text = json.dumps(value, indent=2, sort_keys=True, allow_nan=False)
    path.write_text(text + "\n", "utf-8")


def read_contract(path: Path) -> Contract:
    """Read a contract that a job was given.

    Raises:
        JobError: The file is missing or holds no valid contract; every problem is listed.
    """
    try:
        return Contract.from_document(read_json(path, "the contract"))
    except ContractError as error:
        raise JobError(f"the contract at {path} is wrong: {error}") from error


def load_function(reference: str, code: Path) -> Callable[..., Any]:
    """Import a function of the system's own code.

    Args:
        reference: `package.module:function`.
        code: Directory of the code; it goes first on the import path.

    Returns:
        The function.

    Raises:
        JobError: The reference is malformed, or module or function do not exist.
    """
    module_name, colon, function_name = reference.partition(":")
    if not (module_name and colon and function_name):
        raise JobError(f"{reference!r} names no function; write it as package.module:function")
    if not code.is_dir():
        raise JobError(f"the code is missing: there is no directory {code}; pass it to the job as an input")
    sys.path.insert(0, str(code))
    importlib.invalidate_caches()
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise JobError(f"{reference!r} cannot be imported from {code}: {error}") from error
    function = getattr(module, function_name, None)
    if not callable(function):
        raise JobError(f"module {module_name!r} has no function {function_name!r}")
    return function  # type: ignore[no-any-return]
