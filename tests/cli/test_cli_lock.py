"""One command at a time; the lock of a dead process is nobody's."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from headway_cli.errors import HeadwayError
from headway_cli.lock import exclusive

HOLD = """
import sys
from pathlib import Path
from headway_cli.lock import exclusive
with exclusive(Path(sys.argv[1]), "headway up --stack local"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_command_is_refused_and_told_who_is_first(
    tmp_path: Path, holder: "subprocess.Popen[str]"
) -> None:
    with pytest.raises(HeadwayError) as caught, exclusive(tmp_path, "headway down"):
        pass

    assert f"`headway up --stack local` (process {holder.pid}) is at work in {tmp_path}" in str(caught.value)
    assert "wait until it is done" in str(caught.value)


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path: Path, holder: "subprocess.Popen[str]") -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait()

    with exclusive(tmp_path, "headway up"):
        assert "headway up" in (tmp_path / "lock").read_text("utf-8")


def test_a_command_lets_go_when_it_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), exclusive(tmp_path, "headway up"):
        raise ZeroDivisionError
    with exclusive(tmp_path, "headway up"):
        pass
