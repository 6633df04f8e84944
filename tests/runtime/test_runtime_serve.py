"""The model server as its callers see it: a real process, real HTTP."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headway_runtime.contract import Contract, placeholder_artifact, unpack

CONTRACT = {
    "name": "shop",
    "version": 1,
    "task": "binary-classification",
    "inputs": [
        {"name": "colour", "type": "string", "nullable": True},
        {"name": "price_usd", "type": "number", "nullable": False, "minimum": 0, "maximum": 100},
    ],
    "output": {"name": "probability", "type": "number", "minimum": 0.0, "maximum": 1.0, "prior": 0.25},
}


class Answer(NamedTuple):
    status: int
    media: str | None
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


class Server(NamedTuple):
    process: subprocess.Popen[str]
    port: int

    def ask(
        self, body: bytes | str = b"", method: str = "POST", path: str = "/invocations", **headers: str
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(connection):
            connection.request(method, path, body, {name.replace("_", "-"): v for name, v in headers.items()})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers.get("Content-Type"), answer.read())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def put_placeholder(base: Path) -> None:
    (base / "model").mkdir(parents=True)
    archive = base / "model.tar.gz"
    archive.write_bytes(placeholder_artifact(Contract.from_document(CONTRACT)))
    for name, content in unpack(archive).items():
        (base / "model" / name).write_bytes(content)


def start(base: Path, port: int) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "SAGEMAKER_BASE_DIR": str(base),
        "SAGEMAKER_BIND_TO_HOST": "127.0.0.1",
        "SAGEMAKER_BIND_TO_PORT": str(port),
    }
    command = [sys.executable, "-m", "headway_runtime", "serve"]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@contextlib.contextmanager
def serving(base: Path) -> Iterator[Server]:
    server = Server(start(base, port := free_port()), port)
    try:
        deadline = time.monotonic() + 30
        while True:
            assert server.process.poll() is None, server.process.communicate()
            with contextlib.suppress(ConnectionRefusedError):
                assert server.ask(method="GET", path="/ping").status == 200
                break
            assert time.monotonic() < deadline, "the server did not answer /ping in time"
            time.sleep(0.02)
        yield server
    finally:
        server.process.kill()
        server.process.communicate()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    base = tmp_path_factory.mktemp("serve")
    put_placeholder(base)
    with serving(base) as running:
        yield running


def test_a_healthy_server_answers_ping(server: Server) -> None:
    assert server.ask(method="GET", path="/ping") == (200, "application/json", b"")


@pytest.mark.parametrize(
    ("body", "media"),
    [
        ("red,1.5\n,2\n", "text/csv"),
        ('{"instances": [{"colour": "red", "price_usd": 1.5}, {"price_usd": 2}]}', "application/json"),
        ('{"colour": "red", "price_usd": 1.5}\n{"colour": null, "price_usd": 2}\n', "application/jsonlines"),
    ],
)
@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        ("text/csv", b"0.25\n0.25\n"),
        ("application/json", b'{"predictions": [{"probability": 0.25}, {"probability": 0.25}]}'),
        ("application/jsonlines", b'{"probability": 0.25}\n{"probability": 0.25}\n'),
    ],
)
def test_every_format_in_and_out(server: Server, body: str, media: str, accept: str, answered: bytes) -> None:
    assert server.ask(body, content_type=media, accept=accept) == (200, accept, answered)


@pytest.mark.parametrize(
    ("request_", "status", "says"),
    [
        (
            {"body": "red,101", "content_type": "text/csv"},
            400,
            "row 1: price_usd is '101'; allowed is a number",
        ),
        ({"body": "", "content_type": "text/csv"}, 400, "the body is empty"),
        ({"body": "red,1", "content_type": "image/png"}, 415, "Content-Type 'image/png' is unknown"),
        ({"body": "red,1"}, 415, "there is no Content-Type"),
        ({"body": "red,1", "content_type": "text/csv", "accept": "image/png"}, 406, "names no format"),
        ({"method": "GET"}, 405, "/invocations is asked with POST"),
        ({"method": "POST", "path": "/ping"}, 405, "/ping is asked with GET, HEAD"),
        ({"path": "/models"}, 404, "there is no /models; the routes are /ping, /invocations"),
        (
            {"body": b"x" * (6 * 1024 * 1024 + 1), "content_type": "text/csv"},
            413,
            "larger than 6291456 bytes",
        ),
    ],
)
def test_a_request_that_cannot_be_served_is_told_why(
    server: Server, request_: dict[str, Any], status: int, says: str
) -> None:
    answer = server.ask(**request_)

    assert (answer.status, answer.media) == (status, "application/json")
    assert any(says in text for text in [answer.document["error"], *answer.document["problems"]])


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "replace")),
    st.sampled_from(["text/csv", "application/json", "application/jsonlines"]),
)
def test_no_body_makes_the_server_fail(server: Server, body: bytes, media: str) -> None:
    assert server.ask(body, content_type=media).status in (200, 400)


def test_connections_are_kept_and_served_side_by_side(server: Server) -> None:
    def many(_: int) -> list[int]:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        with contextlib.closing(connection):
            statuses = []
            for _ in range(10):
                connection.request("POST", "/invocations", "red,1", {"Content-Type": "text/csv"})
                answer = connection.getresponse()
                answer.read()
                statuses.append(answer.status)
            return statuses

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(many, range(8))) == [[200] * 10] * 8


def test_a_large_batch_is_answered_whole(server: Server) -> None:
    answer = server.ask("red,1\n" * 50_000, content_type="text/csv", accept="text/csv")

    assert (answer.status, answer.body) == (200, b"0.25\n" * 50_000)


def be_rude(port: int) -> None:
    """Clients that break off, and bytes that are no HTTP: neither may reach the log as a defect."""
    announced = (
        b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\nContent-Length: 99\r\n\r\nred"
    )
    for sent in (announced, b"\x00\xff nonsense\r\n\r\n", b"POST /invocations HTTP/1.1\r\nHost", b""):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(sent)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_cleanly_even_with_an_idle_connection(tmp_path: Path, number: int) -> None:
    put_placeholder(tmp_path)
    with serving(tmp_path) as server:
        idle = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        idle.request("GET", "/ping")
        idle.getresponse().read()
        be_rude(server.port)
        server.process.send_signal(number)
        out, err = server.process.communicate(timeout=10)
        idle.close()

    assert (server.process.returncode, err) == (0, "")
    assert out == f"serving the placeholder model of contract shop on 127.0.0.1:{server.port}\n"


def test_the_health_check_of_the_image_tells_a_server_that_answers_from_none(server: Server) -> None:
    recipe = Path(__file__).resolve().parents[2] / "runtime/container/Dockerfile"
    check = recipe.read_text("utf-8").partition("HEALTHCHECK")[2]
    command = json.loads(check[check.index("[") : check.index("]") + 1])
    assert command[0] == "python"

    def healthy(port: int) -> bool:
        environment = {"PATH": os.environ["PATH"], "SAGEMAKER_BIND_TO_PORT": str(port)}
        done = subprocess.run(
            [sys.executable, *command[1:]], env=environment, capture_output=True, check=False
        )
        return done.returncode == 0

    assert healthy(server.port)
    assert not healthy(free_port())


def test_a_taken_port_is_one_sentence(tmp_path: Path, server: Server) -> None:
    put_placeholder(tmp_path)
    second = start(tmp_path, server.port)
    _, err = second.communicate(timeout=20)

    assert second.returncode == 1
    assert f"cannot listen on 127.0.0.1:{server.port}" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (
            lambda model: [file.unlink() for file in model.iterdir()],
            "the model artifact lacks model.json; it holds nothing",
        ),
        (lambda model: (model / "model.json").write_text('{"kind": "magic"}'), "names the kind 'magic'"),
        (
            lambda model: (model / "model.json").write_text('{"kind": "placeholder", "value": "x"}'),
            "must be a number",
        ),
        (lambda model: model.rename(model.with_name("elsewhere")), "there is no model directory"),
    ],
)
def test_a_model_that_cannot_be_loaded_is_one_sentence(tmp_path: Path, damage: Any, says: str) -> None:
    put_placeholder(tmp_path)
    damage(tmp_path / "model")
    process = start(tmp_path, free_port())
    _, err = process.communicate(timeout=20)

    assert process.returncode == 1
    assert says in err
    assert "Traceback" not in err


@pytest.mark.parametrize("port", ["http", "0", "65536", "-1", ""])
def test_a_wrong_port_is_one_sentence(job: Any, port: str) -> None:
    done = job.run("serve", SAGEMAKER_BIND_TO_PORT=port)

    assert done.returncode == 1
    assert f"SAGEMAKER_BIND_TO_PORT is {port!r}; it must be a port from 1 to 65535" in done.stderr
