"""The server process: loads the model, then binds, then answers until it is told to stop."""

import argparse
import asyncio
import os
import signal
from collections.abc import Mapping

from hypercorn.asyncio import serve
from hypercorn.config import Config

from headway_runtime.jobs import job_paths, say
from headway_runtime.models.model import ModelError, load_model, read_directory
from headway_runtime.serve.app import ModelServer

HOST_VARIABLE = "SAGEMAKER_BIND_TO_HOST"
PORT_VARIABLE = "SAGEMAKER_BIND_TO_PORT"
DEFAULT_HOST = "0.0.0.0"  # noqa: S104 - inside a container, where the network is its own
DEFAULT_PORT = "8080"
GRACE_S = 5.0
"""Time that requests in flight get to finish after the signal to stop."""


def bind_address(environ: Mapping[str, str]) -> tuple[str, int]:
    """Host and port to listen on.

    Raises:
        ValueError: The port is no port.
    """
    text = environ.get(PORT_VARIABLE, DEFAULT_PORT)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65_535:
        raise ValueError(f"{PORT_VARIABLE} is {text!r}; it must be a port from 1 to 65535")
    return environ.get(HOST_VARIABLE, DEFAULT_HOST), int(text)


async def _run(server: ModelServer, host: str, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    config = Config()
    config.bind = [f"[{host}]:{port}" if ":" in host else f"{host}:{port}"]
    config.graceful_timeout = GRACE_S
    config.include_server_header = False
    config.loglevel = "WARNING"

    async def stopped() -> None:
        await stop.wait()

    await serve(server, config, shutdown_trigger=stopped)  # type: ignore[arg-type] # its scope type is narrower


def main(arguments: list[str]) -> int:
    """Serve the model under `<base>/model`; SageMaker passes everything by files and environment.

    Returns:
        The exit status: 0 told to stop, 1 the model cannot be loaded or the port cannot be bound.
    """
    argparse.ArgumentParser(prog="headway_runtime serve").parse_args(arguments)
    try:
        host, port = bind_address(os.environ)
        model = load_model(read_directory(job_paths().model))
    except (ModelError, ValueError) as error:
        say(f"error: {error}", error=True)
        return 1
    say(f"serving the {model.kind} model of contract {model.contract.name} on {host}:{port}")
    try:
        asyncio.run(_run(ModelServer(model), host, port))
    except OSError as error:
        say(
            f"error: cannot listen on {host}:{port}: {error.strerror}; free it or set {PORT_VARIABLE}",
            error=True,
        )
        return 1
    return 0
