"""An HTTP request as AWS's clients send it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

_SCOPE = re.compile(r"Credential=([^/,\s]+)/\d{8}/([^/,\s]+)/([^/,\s]+)/aws4_request")


@dataclass(frozen=True)
class HttpRequest:
    """One request.

    Attributes:
        method: HTTP method.
        path: Path as it was sent, still encoded.
        query: Query string as it was sent.
        headers: Headers by lower-case name.
        body: The body; empty where nobody has needed it yet.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = b""

    @classmethod
    def from_scope(cls, scope: Mapping[str, Any], body: bytes = b"") -> HttpRequest:
        """The request of an ASGI connection."""
        return cls(
            method=scope["method"],
            path=scope["raw_path"].decode("latin-1").partition("?")[0],
            query=scope["query_string"].decode("latin-1"),
            headers={
                name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
            },
            body=body,
        )

    @property
    def signing_name(self) -> str | None:
        """The service that it is signed for; None if it is not signed."""
        found = self._scope
        return None if found is None else found[3]

    @property
    def access_key_id(self) -> str | None:
        """The key that it is signed with; None if it is not signed."""
        found = self._scope
        return None if found is None else found[1]

    @property
    def _scope(self) -> re.Match[str] | None:
        found = _SCOPE.search(self.headers.get("authorization", ""))
        if found is not None:
            return found
        credential = parse_qs(self.query).get("X-Amz-Credential")
        return None if credential is None else _SCOPE.search(f"Credential={credential[0]}")
