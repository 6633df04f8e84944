"""A killed test run leaves nothing behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.project import is_running

TESTS = Path(__file__).parents[1]
TIMEOUT_S = 30.0
RUN = f"""
import subprocess, sys, time
from pathlib import Path
sys.path.insert(0, {str(TESTS)!r})
from headway_sandbox import lifecycle
from support.leftovers import end_with_this_process
end_with_this_process()
record = lifecycle.start(Path(sys.argv[1]), 0)
# A worker, as a parallel run has them, with a guardian and a child of its own.
worker = subprocess.Popen([sys.executable, "-c", '''
import subprocess, sys, time
sys.path.insert(0, {str(TESTS)!r})
from support.leftovers import end_with_this_process
end_with_this_process()
print(subprocess.Popen(["sleep", "600"], start_new_session=True).pid, flush=True)
time.sleep(600)
'''], stdout=subprocess.PIPE, text=True)
print(record.pid, worker.pid, worker.stdout.readline(), flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="nothing says what a process inherited")
def test_what_a_killed_test_process_started_ends(tmp_path: Path) -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", RUN, str(tmp_path)], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert run.stdout is not None
    pids = [int(pid) for pid in run.stdout.readline().split()]
    assert [is_running(pid) for pid in pids] == [True] * 3

    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    run.stdout.close()

    deadline = time.monotonic() + TIMEOUT_S
    while any(map(is_running, pids)):
        assert time.monotonic() < deadline, pids
        time.sleep(0.05)
