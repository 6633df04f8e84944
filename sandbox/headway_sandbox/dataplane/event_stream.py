"""Messages of AWS's event stream encoding, ``application/vnd.amazon.eventstream``.

Layout: "Event Stream Specification" of Smithy. botocore only reads it.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping

CONTENT_TYPE = "application/vnd.amazon.eventstream"

_STRING = 7  # the header type
_PRELUDE = struct.Struct("!II")
_CHECKSUM = struct.Struct("!I")


def event(kind: str, payload: bytes) -> bytes:
    """An event with a binary payload."""
    headers = {
        ":event-type": kind,
        ":content-type": "application/octet-stream",
        ":message-type": "event",
    }
    return message(headers, payload)


def exception(kind: str, members: Mapping[str, str]) -> bytes:
    """An exception that the service model declares."""
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return message(headers, json.dumps(members).encode())


def message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """A message with headers that are strings."""
    fields = b"".join(_header(name.encode(), value.encode()) for name, value in headers.items())
    total = _PRELUDE.size + _CHECKSUM.size + len(fields) + len(payload) + _CHECKSUM.size
    prelude = _PRELUDE.pack(total, len(fields))
    checked = prelude + _CHECKSUM.pack(zlib.crc32(prelude)) + fields + payload
    return checked + _CHECKSUM.pack(zlib.crc32(checked))


def _header(name: bytes, value: bytes) -> bytes:
    return struct.pack(f"!B{len(name)}sBH", len(name), name, _STRING, len(value)) + value
