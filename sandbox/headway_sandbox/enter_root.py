"""Gives a program a directory of its own as /opt/ml, which nobody else sees, and becomes that program.

Run as a script, with the standard library alone: ``python -I -S enter_root.py DIRECTORY HOSTS NETWORK
PROGRAM ...``, where HOSTS is a file that stands for /etc/hosts, or empty, and NETWORK is ``none`` for a
program that is to reach nothing but itself, or empty. The mounts live in a namespace of the process and end
with it. Without privileges a user namespace, in which the user stays who they are, allows them; see
user_namespaces(7) and mount_namespaces(7).
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import sys
from pathlib import Path

ROOT = "/opt/ml"
NO_NETWORK = "none"
_CLONE_NEWNS, _CLONE_NEWUSER, _CLONE_NEWNET = 0x0002_0000, 0x1000_0000, 0x4000_0000
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 0x1
_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 0x4_0000


class _System:
    """The two system calls that Python 3.11 does not have."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None, use_errno=True)

    def unshare(self, flags: int) -> None:
        self._check(self._library.unshare(flags), "a namespace cannot be made")

    def mount(self, source: str, target: str, kind: str | None, flags: int, options: str | None) -> None:
        encoded = [None if text is None else os.fsencode(text) for text in (source, target, kind, options)]
        code = self._library.mount(*encoded[:3], ctypes.c_ulong(flags), encoded[3])
        self._check(code, f"{source} cannot be mounted on {target}")

    def bind(self, source: str, target: str) -> None:
        self.mount(source, target, None, _MS_BIND | _MS_REC, None)

    @staticmethod
    def _check(code: int, what: str) -> None:
        if code != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"{what}: {os.strerror(number)}")


def _own_namespaces(system: _System, flags: int) -> None:
    user, group = os.getuid(), os.getgid()
    try:
        system.unshare(flags)
    except OSError:
        system.unshare(_CLONE_NEWUSER | flags)
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="ascii")
    system.mount("none", "/", None, _MS_REC | _MS_PRIVATE, None)


def _bring_up_loopback() -> None:
    with socket.socket() as any_socket:
        request = struct.pack("16sh14x", b"lo", _IFF_UP)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, request)


def _make_mount_point(system: _System) -> None:
    """Lets /opt/ml exist in this namespace, with everything that is in /opt, and changes nothing on disk."""
    parent = str(Path(ROOT).parent)
    below = os.open(parent, os.O_PATH | os.O_DIRECTORY)
    system.mount("tmpfs", parent, "tmpfs", 0, "mode=755")
    for entry in os.scandir(f"/proc/self/fd/{below}"):
        target = f"{parent}/{entry.name}"
        if entry.is_symlink():
            Path(target).symlink_to(Path(entry.path).readlink())
            continue
        if entry.is_dir():
            Path(target).mkdir()
        else:
            Path(target).touch()
        system.bind(entry.path, target)
    os.close(below)
    Path(ROOT).mkdir()


def enter(directory: str, hosts: str, network: str) -> None:
    """Makes the namespaces and the mounts.

    Args:
        directory: What /opt/ml is.
        hosts: File that /etc/hosts is, or empty.
        network: `NO_NETWORK` for a loopback interface alone, or empty for the machine's network.

    Raises:
        OSError: If the system does not allow it.
    """
    system = _System()
    _own_namespaces(system, _CLONE_NEWNS | (_CLONE_NEWNET if network == NO_NETWORK else 0))
    if network == NO_NETWORK:
        _bring_up_loopback()
    held = os.open(directory, os.O_PATH | os.O_DIRECTORY)
    if not Path(ROOT).is_dir():
        _make_mount_point(system)
    system.bind(f"/proc/self/fd/{held}", ROOT)
    os.close(held)
    if hosts:
        system.bind(hosts, "/etc/hosts")
    os.chdir(ROOT)


def main() -> None:
    """Enters the root and becomes the program."""
    directory, hosts, network, *command = sys.argv[1:]
    try:
        enter(directory, hosts, network)
        os.execvp(command[0], command)  # noqa: S606 - no shell is what is wanted
    except OSError as error:
        sys.exit(f"The container cannot start: {error}")


if __name__ == "__main__":
    main()
