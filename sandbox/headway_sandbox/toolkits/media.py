"""The formats that an inference handler reads and writes by default: JSON, CSV and NPY."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np

JSON, CSV, NPY = "application/json", "text/csv", "application/x-npy"
ANY = "*/*"


class UnsupportedFormatError(Exception):
    """A media type that the default handlers do not read or write."""


def decode(content: bytes, media_type: str) -> Any:  # noqa: ANN401 - an array
    """The array that a request's body holds.

    Args:
        content: The body.
        media_type: Its content type; parameters such as a charset do not count.

    Raises:
        UnsupportedFormatError: If the type is another.
        ValueError: If the body is not of its type.
    """
    return _codec(media_type, _DECODERS, "reads")(content)


def encode(prediction: object, media_type: str) -> bytes:
    """A prediction as a body.

    Args:
        prediction: An array, or what becomes one.
        media_type: The type that the caller accepts.

    Raises:
        UnsupportedFormatError: If the type is another.
    """
    content: bytes = _codec(media_type, _ENCODERS, "writes")(prediction)
    return content


def accepted(header: str, default: str) -> str:
    """The media type of an Accept header that comes first, or the default where any will do."""
    first = header.split(",", 1)[0].split(";", 1)[0].strip()
    return default if first in ("", ANY) else first


def _codec(media_type: str, table: dict[str, Callable[[Any], Any]], verb: str) -> Callable[[Any], Any]:
    plain = media_type.split(";", 1)[0].strip().lower()
    if plain not in table:
        raise UnsupportedFormatError(
            f"The content type {media_type} is not supported; the default handler {verb} {', '.join(table)}"
        )
    return table[plain]


def _from_json(content: bytes) -> Any:  # noqa: ANN401
    return np.array(json.loads(content))


def _from_csv(content: bytes) -> Any:  # noqa: ANN401
    return np.genfromtxt(io.StringIO(content.decode()), dtype=np.float32, delimiter=",")


def _from_npy(content: bytes) -> Any:  # noqa: ANN401
    return np.load(io.BytesIO(content), allow_pickle=False)


def _to_json(prediction: object) -> bytes:
    return json.dumps(prediction, default=_plain).encode()


def _to_csv(prediction: object) -> bytes:
    text = io.StringIO()
    np.savetxt(text, np.atleast_1d(np.array(prediction)), delimiter=",", fmt="%s")
    return text.getvalue().encode()


def _to_npy(prediction: object) -> bytes:
    content = io.BytesIO()
    np.save(content, np.array(prediction), allow_pickle=False)
    return content.getvalue()


def _plain(value: Any) -> Any:  # noqa: ANN401 - an array or a number of numpy's, or of another library's
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"a prediction of type {type(value).__name__} has no form in JSON")


_DECODERS: dict[str, Callable[[Any], Any]] = {JSON: _from_json, CSV: _from_csv, NPY: _from_npy}
_ENCODERS: dict[str, Callable[[Any], bytes]] = {JSON: _to_json, CSV: _to_csv, NPY: _to_npy}
