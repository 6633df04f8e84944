"""A reserved port is free for the server it is meant for, and for nobody else."""

from __future__ import annotations

import socket
import sys

import pytest

from headway_sandbox.dataplane.ports import HOST, reserved_port


def bound(port: int) -> socket.socket:
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((HOST, port))
    return server


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a port be held for somebody else")
def test_a_held_port_is_given_to_nobody_who_asks_for_any() -> None:
    with reserved_port() as port:
        for _ in range(300):
            with bound(0) as other, reserved_port() as reserved:
                assert port not in (other.getsockname()[1], reserved)


@pytest.mark.parametrize("hold", [True, False])
def test_the_server_can_listen_on_it(hold: bool) -> None:
    with reserved_port(hold=hold) as port, bound(port) as server:
        server.listen()
        with socket.create_connection((HOST, port), 1.0) as client:
            assert client.getpeername()[1] == port
