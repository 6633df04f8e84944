"""What a test process started ends with it, also when it is killed and can clean up nothing.

Every test process puts a mark of its own into its environment, which all that it starts inherits: sandboxes,
the Pulumi CLI, workers of a parallel run. A guardian holds the other end of a pipe; when the pipe breaks, it
kills whatever carries the mark. Where there is no /proc to read marks from, it does nothing.
"""

import os
import subprocess
import sys
import uuid

MARK = "HEADWAY_TEST_PROCESS"
_GUARDIAN = """
import os, signal, sys
mark = sys.argv[1].encode()
def marked():
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and mark in open(f"/proc/{name}/environ", "rb").read().split(b"\\0"):
                yield int(name)
        except OSError:
            continue
sys.stdin.read()
while os.path.isdir("/proc/self"):
    found = list(marked())
    for pid in found:
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            continue
    if not found:
        break
"""


# Their pipes break when this process ends, and not before.
_guardians: list[subprocess.Popen[bytes]] = []


def end_with_this_process() -> None:
    """Lets all that this process starts from now on end with it."""
    mark = f"{MARK}={uuid.uuid4()}"
    plain = {name: value for name, value in os.environ.items() if name != MARK}
    guardian = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _GUARDIAN, mark],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=plain,
        cwd="/",
        start_new_session=True,
    )
    _guardians.append(guardian)
    os.environ[MARK] = mark.partition("=")[2]
