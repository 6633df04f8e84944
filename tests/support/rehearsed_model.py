"""A model server for rehearsals: it serves as SageMaker asks, and does the harm that its artifact names.

Run as a script with nothing but the standard library, so that it starts at once. The harm is real: the
process that serves is late, fails, lies, ends, grows or says nothing.
"""

import asyncio
import io
import json
import os
import tarfile
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

WINDOW = 12
"""Newest requests by which a model tells its load."""
LEAKED_BYTES = 1 << 20
"""What the leaking model keeps of each request: a mebibyte."""
OVERLOADED = "the model is overloaded"
BROKEN = "the model cannot answer this"


@dataclass
class Model:
    """What serves.

    Args:
        answer: The probability that it gives.
        stands: Share of all users' requests above which the harm of a model that stands no load begins.
    """

    answer: float
    stands: float
    asked: int = 0
    kept: list[bytearray] = field(default_factory=list)
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=WINDOW))

    def is_loaded(self, row: str) -> bool:
        """Whether more is asked of it than it stands.

        Users number their requests, so it knows how many of them it got: its load is a share of the traffic,
        on a machine of any speed.
        """
        self.recent.append(float(row.partition(",")[0]))
        asked = max(self.recent) - min(self.recent) + 1
        return len(self.recent) == WINDOW and WINDOW / asked > self.stands


Reply = tuple[int, str]


async def _well(model: Model, row: str) -> Reply:
    return 200, f"{model.answer}\n"


async def _slow(model: Model, row: str) -> Reply:
    await asyncio.sleep(0.05)
    return await _well(model, row)


async def _erring(model: Model, row: str) -> Reply:
    # Every 33rd request, so that three in a hundred fail whatever happens.
    return (500, BROKEN) if model.asked % 33 == 0 else await _well(model, row)


async def _wrong(model: Model, row: str) -> Reply:
    return (200, f"{1 - model.answer}\n") if ",DL" in row else await _well(model, row)


async def _crashing(model: Model, row: str) -> Reply:
    if model.is_loaded(row):
        os._exit(1)
    return await _well(model, row)


async def _leaking(model: Model, row: str) -> Reply:
    model.kept.append(bytearray(b"\1" * LEAKED_BYTES))
    return await _well(model, row)


async def _silent(model: Model, row: str) -> Reply:
    await asyncio.Event().wait()
    return await _well(model, row)


async def _overloaded(model: Model, row: str) -> Reply:
    return (500, OVERLOADED) if model.is_loaded(row) else await _well(model, row)


HARMS: dict[str, Callable[[Model, str], Awaitable[Reply]]] = {
    "none": _well,
    "slow": _slow,
    "erring": _erring,
    "wrong": _wrong,
    "crashing": _crashing,
    "leaking": _leaking,
    "silent": _silent,
    "overloaded": _overloaded,
}


def artifact(harm: str, *, answer: float, stands: float = 1.0) -> bytes:
    """The archive of a model that does a harm.

    Args:
        harm: One of `HARMS`.
        answer: The probability that it gives.
        stands: Share of all users' requests that it stands.
    """
    content = json.dumps({"harm": harm, "answer": answer, "stands": stands}).encode()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        member = tarfile.TarInfo("harm.json")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()


async def _serve(directory: Path) -> None:
    settings = json.loads((directory / "harm.json").read_text("utf-8"))
    model = Model(settings["answer"], settings["stands"])
    harm = HARMS[settings["harm"]]

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                length = head.lower().partition("content-length:")[2].partition("\r\n")[0].strip()
                body = (await reader.readexactly(int(length or 0))).decode("utf-8")
                status, text = 200, ""
                if head.startswith("POST"):
                    model.asked += 1
                    status, text = await harm(model, body)
                content = text.encode("utf-8")
                writer.write(
                    f"HTTP/1.1 {status} -\r\nContent-Type: text/csv\r\n"
                    f"Content-Length: {len(content)}\r\n\r\n".encode()
                    + content
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"]))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")) / "model"))
