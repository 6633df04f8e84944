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

WINDOW_S = 2.0
LEAKED_BYTES = 1 << 20
"""What the leaking model keeps of each request: a mebibyte."""
OVERLOADED = "the model is overloaded"
BROKEN = "the model cannot answer this"


@dataclass
class Model:
    """What serves.

    Args:
        answer: The probability that it gives.
        limit_per_s: Requests a second above which the harm of a model that stands no load begins.
    """

    answer: float
    limit_per_s: float
    asked: int = 0
    kept: list[bytearray] = field(default_factory=list)
    recent: deque[float] = field(default_factory=deque)

    def is_loaded(self) -> bool:
        """Whether more is asked of it than it stands."""
        now = asyncio.get_running_loop().time()
        self.recent.append(now)
        while self.recent[0] < now - WINDOW_S:
            self.recent.popleft()
        return len(self.recent) > WINDOW_S * self.limit_per_s


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
    if model.is_loaded():
        os._exit(1)
    return await _well(model, row)


async def _leaking(model: Model, row: str) -> Reply:
    model.kept.append(bytearray(b"\1" * LEAKED_BYTES))
    return await _well(model, row)


async def _silent(model: Model, row: str) -> Reply:
    await asyncio.Event().wait()
    return await _well(model, row)


async def _overloaded(model: Model, row: str) -> Reply:
    return (500, OVERLOADED) if model.is_loaded() else await _well(model, row)


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


def artifact(harm: str, *, answer: float, limit_per_s: float = 0.0) -> bytes:
    """The archive of a model that does a harm.

    Args:
        harm: One of `HARMS`.
        answer: The probability that it gives.
        limit_per_s: Requests a second that a model which stands no load stands.
    """
    content = json.dumps({"harm": harm, "answer": answer, "limit_per_s": limit_per_s}).encode()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        member = tarfile.TarInfo("harm.json")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()


async def _serve(directory: Path) -> None:
    settings = json.loads((directory / "harm.json").read_text("utf-8"))
    model = Model(settings["answer"], settings["limit_per_s"])
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
