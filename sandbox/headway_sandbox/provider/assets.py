"""Assets and archives that a program gives as inputs, and the bytes they stand for.

Archives are zipped deterministically (sorted names, one fixed time stamp, fixed permissions), so that the
same files give the same digest on every machine.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from headway_sandbox.provider.values import Value

ASSET_SIGNATURE: Final = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE_SIGNATURE: Final = "0def7320c3a5731c473e5ecbe6d01bc7"
_ZIP_TIME: Final = (1980, 1, 1, 0, 0, 0)
_FILE_MODE: Final = 0o100644


class AssetError(ValueError):
    """An asset or archive that cannot be read; the message is one sentence for a person."""


def _refuse_remote(uri: str) -> None:
    if uri:
        message = (
            f"the remote asset {uri} cannot be used: the sandbox reads no network; "
            "download it and pass a FileAsset or FileArchive"
        )
        raise AssetError(message)


def _file_bytes(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        message = f"the asset file {path} cannot be read: {error.strerror}"
        raise AssetError(message) from error


@dataclass(frozen=True)
class Asset:
    """A file's content: literal text, a path on this machine, or a URI (which is refused when read).

    The engine leaves all three out where only the hash matters; ``text`` is None then.
    """

    text: str | None = None
    path: str = ""
    uri: str = ""
    hash: str = ""
    signature: str = field(default=ASSET_SIGNATURE, init=False, repr=False, compare=False)

    @classmethod
    def from_properties(cls, properties: Mapping[str, Any]) -> Asset:
        """An asset from its wire properties."""
        texts = {name: properties.get(name) or "" for name in ("path", "uri", "hash")}
        return cls(text=properties.get("text"), **texts)

    def properties(self) -> dict[str, str]:
        """Wire properties without the signature."""
        values = {"path": self.path, "uri": self.uri, "hash": self.hash}
        present = {name: value for name, value in values.items() if value}
        if self.text is not None and not self.path and not self.uri:
            present["text"] = self.text
        return present

    def read(self) -> bytes:
        """The content.

        Raises:
            AssetError: the file is not readable or the asset is remote.
        """
        _refuse_remote(self.uri)
        return _file_bytes(self.path) if self.path else (self.text if self.text is not None else "").encode()


@dataclass(frozen=True)
class Archive:
    """A set of files: named assets and archives, a directory or archive file, or a URI (refused)."""

    assets: Mapping[str, Any] | None = None
    path: str = ""
    uri: str = ""
    hash: str = ""
    signature: str = field(default=ARCHIVE_SIGNATURE, init=False, repr=False, compare=False)

    @classmethod
    def from_properties(cls, properties: Mapping[str, Any]) -> Archive:
        """An archive from its wire properties."""
        texts = {name: properties.get(name) or "" for name in ("path", "uri", "hash")}
        return cls(assets=properties.get("assets"), **texts)

    def properties(self) -> dict[str, Any]:
        """Wire properties without the signature."""
        values = {"path": self.path, "uri": self.uri, "hash": self.hash}
        present: dict[str, Any] = {name: value for name, value in values.items() if value}
        if self.assets is not None:
            present["assets"] = dict(self.assets)
        return present

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Name inside the archive and content of every file, in no particular order.

        Raises:
            AssetError: a file is not readable, of an unsupported archive format, or remote.
        """
        _refuse_remote(self.uri)
        if self.path:
            yield from _path_files(Path(self.path))
        for name, item in (self.assets if self.assets is not None else {}).items():
            yield from _member_files(name, item)

    def zip(self) -> bytes:
        """The archive as a deterministic zip file.

        Raises:
            AssetError: see :meth:`files`.
        """
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
            for name, content in sorted(self.files()):
                entry = zipfile.ZipInfo(name, _ZIP_TIME)
                entry.external_attr = _FILE_MODE << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, content)
        return buffer.getvalue()


def _member_files(name: str, item: Value) -> Iterator[tuple[str, bytes]]:
    if isinstance(item, Asset):
        yield name, item.read()
    elif isinstance(item, Archive):
        for inner, content in item.files():
            yield f"{name.rstrip('/')}/{inner}", content
    else:
        message = f"the archive member {name} is neither an asset nor an archive but {type(item).__name__}"
        raise AssetError(message)


def _path_files(path: Path) -> Iterator[tuple[str, bytes]]:
    if path.is_dir():
        for file in path.rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                yield file.relative_to(path).as_posix(), file.read_bytes()
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if not entry.is_dir():
                    yield entry.filename, archive.read(entry)
    elif path.is_file() and tarfile.is_tarfile(path):
        with tarfile.open(path) as archive_file:
            for member in archive_file:
                content = archive_file.extractfile(member)
                if content is not None:
                    yield member.name, content.read()
    else:
        message = f"the archive {path} is neither a directory nor a zip or tar file"
        raise AssetError(message)


def body(value: Asset | Archive) -> bytes:
    """The bytes to upload for an asset or archive; an archive is zipped.

    Raises:
        AssetError: the content cannot be read.
    """
    return value.zip() if isinstance(value, Archive) else value.read()


def digest(content: bytes) -> str:
    """SHA-256 of a content as lower-case hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
