"""The command of the image: `python -m headway_runtime VERB`."""

import importlib
import os
import sys

from headway_runtime.jobs import fail, job_paths

# Imported only when asked for: a placeholder server needs neither LightGBM nor DuckDB.
VERBS = {
    "ingest": ("headway_runtime.data.ingest", "raw tables into monthly partitions with a manifest"),
    "quarantine": ("headway_runtime.quality.quarantine", "what was set aside, under a key of its own"),
    "prepare": ("headway_runtime.data.prepare", "features and label by time, checked against the contract"),
    "training-set": ("headway_runtime.features.job", "labels with the features known at each of them"),
    "train": ("headway_runtime.train.job", "a baseline model, under the SageMaker training contract"),
    "evaluate": ("headway_runtime.evaluate.job", "metrics, comparison with the floor, decision"),
    "baseline": ("headway_runtime.monitor.baseline", "what the training rows look like, for the monitor"),
    "monitor": ("headway_runtime.monitor.job", "captured traffic held against the baseline"),
    "skew": ("headway_runtime.features.skew_job", "what a model was asked with, against history"),
    "serve": ("headway_runtime.serve.server", "the model server for /ping and /invocations"),
}


def usage() -> str:
    """What the command accepts, for people."""
    lines = [f"  {verb:<14}{does}" for verb, (_, does) in VERBS.items()]
    return "\n".join(["usage: python -m headway_runtime VERB [--flag VALUE ...]", *lines])


def main(arguments: list[str]) -> int:
    """Run one verb.

    Args:
        arguments: The verb and its flags.

    Returns:
        The exit status: 0 done, 1 failed, 2 wrong use.
    """
    if arguments in (["-h"], ["--help"]):
        print(usage())  # noqa: T201 - a command line's answer
        return 0
    if not arguments or arguments[0] not in VERBS:
        given = f"unknown verb {arguments[0]!r}" if arguments else "no verb"
        print(f"{given}\n{usage()}", file=sys.stderr)  # noqa: T201 - a command line's answer
        return 2
    verb = arguments[0]
    module, _ = VERBS[verb]
    # OpenMP's threads spin while they wait for each other; on a machine with other work that takes ten times
    # as long as sleeping does. Read by the library when it is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        command = importlib.import_module(module).main
    except (ImportError, OSError) as error:
        # OSError: the shared library of a package is there, and one that it needs in turn is not.
        paths = job_paths()
        why = f"a library that {verb!r} needs cannot be loaded ({error}); install it and run the verb again"
        return fail(paths.failure if verb == "train" else paths.message, why)
    return int(command(arguments[1:]))


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads of the native libraries may still run while the interpreter takes them down, which now and then
    # ends a finished job with SIGABRT. The job's files are written and closed, so nothing is left to do.
    os._exit(status)
