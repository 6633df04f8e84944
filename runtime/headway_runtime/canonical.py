"""One byte string for each JSON value and each set of files, so that a digest identifies content."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def canonical_json(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """Serialise a JSON value to the one byte string that its digest is taken of.

    Keys are sorted, there is no white space, text is UTF-8, and a number without a fraction is written as an
    integer (6000.0 and 6000 are the same number to every JSON reader, so they get the same digest).

    Args:
        value: Anything that JSON can hold; tuples count as lists.

    Returns:
        The bytes.

    Raises:
        ValueError: A number is NaN or infinite.
        TypeError: A value has no JSON form.
    """
    text = json.dumps(
        _normal(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode("utf-8")


def _normal(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: _normal(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_normal(item) for item in value]
    return value


def digest(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Digest of a JSON value: `sha256:` and the hexadecimal SHA-256 of its canonical JSON."""
    return "sha256:" + hashlib.sha256(canonical_json(value)).hexdigest()


def files_digest(files: Mapping[str, bytes]) -> str:
    """Digest of named files: changes when a name or a byte changes, and never with order or times."""
    return digest({name: hashlib.sha256(content).hexdigest() for name, content in files.items()})


def source_files(directory: Path) -> dict[str, bytes]:
    """Read the files of a source directory: what is uploaded as code and what a code digest covers.

    Args:
        directory: The directory; compiled Python (`__pycache__`, `*.pyc`) and hidden names are left out.

    Returns:
        Content by POSIX path relative to the directory, sorted by path.
    """
    found: dict[str, bytes] = {}
    for path in sorted(directory.rglob("*")):
        parts = path.relative_to(directory).parts
        compiled = "__pycache__" in parts or path.suffix == ".pyc"
        if path.is_file() and not compiled and not any(part.startswith(".") for part in parts):
            found["/".join(parts)] = path.read_bytes()
    return found
