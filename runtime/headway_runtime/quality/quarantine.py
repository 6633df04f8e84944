"""The processing job `quarantine`: what was set aside, kept under a key of its own with the report.

The job changes nothing: it runs under another role, which may write to the quarantine and nowhere else.
"""

import argparse
import shutil
from pathlib import Path

from headway_runtime.contract import QUALITY_FILE
from headway_runtime.data.manifest import file_digest
from headway_runtime.jobs import JobError, job_paths, read_json, run_job, write_json

SET_ASIDE, QUARANTINE = "set-aside", "quarantine"
RECEIPT_FILE = "receipt.json"


def keep(source: Path, target: Path) -> dict[str, str]:
    """Copies files and writes down what they are.

    Args:
        source: Directory of what was set aside.
        target: Directory of the quarantine.

    Returns:
        SHA-256 by path.

    Raises:
        JobError: A copy is not what was copied.
    """
    files = {}
    for path in sorted(source.rglob("*")):
        if not path.is_file():
            continue
        name = path.relative_to(source).as_posix()
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target / name)
        files[name] = file_digest(path)
        if file_digest(target / name) != files[name]:
            raise JobError(f"the copy of {name} is not what was copied; run the job again")
    # Last: a quarantine with a receipt is whole.
    write_json(target / RECEIPT_FILE, {"files": files})
    return files


def main(arguments: list[str]) -> int:
    """Run the processing job `quarantine`."""
    argparse.ArgumentParser(prog="headway_runtime quarantine").parse_args(arguments)
    paths = job_paths()

    def work() -> str:
        source = paths.processing_input(SET_ASIDE)
        said = read_json(source / QUALITY_FILE, "the report on what was set aside").get("sentence")
        files = keep(source, paths.processing_output(QUARANTINE))
        return f"keeps {len(files)} files: {said}"

    return run_job(work, paths.message, on_success=True)
