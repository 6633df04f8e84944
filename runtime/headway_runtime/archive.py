"""Model archives (model.tar.gz) that are equal to the byte when their files are equal."""

import gzip
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

MODEL_ARCHIVE = "model.tar.gz"


class ArchiveError(ValueError):
    """An archive cannot be read; the message is one sentence for a person."""


def pack(files: Mapping[str, bytes]) -> bytes:
    """Pack files into a gzip-compressed tar archive.

    Args:
        files: Content by file name. Order does not matter; the archive is sorted by name.

    Returns:
        The archive. Owner, mode and time of every member are constants.
    """
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in sorted(files):
            member = tarfile.TarInfo(name)
            member.size = len(files[name])
            member.mode = 0o644
            tar.addfile(member, io.BytesIO(files[name]))
    compressed = io.BytesIO()
    # Stored, not deflated: the deflate stream differs between zlib builds, and with it the archive's digest.
    with gzip.GzipFile(filename="", mode="wb", fileobj=compressed, compresslevel=0, mtime=0) as stream:
        stream.write(raw.getvalue())
    return compressed.getvalue()


def unpack(archive: Path) -> dict[str, bytes]:
    """Read every regular file of a model archive into memory.

    Args:
        archive: Path of a gzip-compressed tar archive.

    Returns:
        Content by file name, a leading `./` removed.

    Raises:
        ArchiveError: The file is missing or is not a readable archive.
    """
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(archive, mode="r:gz") as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isfile() else None
                if content is not None:
                    files[member.name.removeprefix("./")] = content.read()
    except FileNotFoundError:
        raise ArchiveError(f"there is no model archive at {archive}") from None
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ArchiveError(
            f"the model archive {archive} cannot be read ({error}); pack it as gzip tar"
        ) from error
    return files
