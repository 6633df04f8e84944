"""Rows cut out of CSV: every other row keeps its bytes."""

import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import IO

import duckdb
import pyarrow as pa

from headway_runtime.erasure.cut import Cut, UnreadableError, hold_the_value, records
from headway_runtime.erasure.signs import Sign, database, marked

_AT_ONCE = 10_000
_UNDECLARED = "rows hold the subject's values, and no column says that it is the key"
_UNDECLARED = "rows hold the subject's values, and no column says that it is the key"


def cut_csv(source: Path, target: Path, signs: Sequence[Sign], anywhere: Sequence[str] = ()) -> Cut:
    """Cuts the rows out that have a sign; a name that ends in `.gz` says that the file is packed.

    Args:
        source: The file, with a header.
        target: Where the rest is written.
        signs: What rows are held to.
        anywhere: Values that a file without any of the signs' columns must not hold.

    Raises:
        UnreadableError: It is no CSV, or holds the values where nobody declared them.
    """
    removed = kept = 0
    with ExitStack() as stack:
        out, read = _opened(stack, target, "wb"), _opened(stack, source, "rb")
        try:
            found = records(_lines(read))
            header, names = next(found, (b"", []))
            out.write(header)
            names = [name.removeprefix("\ufeff") if place == 0 else name for place, name in enumerate(names)]
            if len({name.lower() for name in names}) < len(names):
                raise UnreadableError("its header repeats a name")
            fitting = [sign for sign in signs if sign.fits(names)]
            connection = stack.enter_context(database())
            while batch := list(islice(found, _AT_ONCE)):
                rows = _table([cells for _, cells in batch], names, fitting)
                for (raw, cells), goes in zip(batch, marked(connection, rows, fitting), strict=True):
                    if not cells:
                        out.write(raw)  # an empty line is no row
                    elif goes:
                        removed += 1
                    elif (not fitting or len(cells) != len(names)) and hold_the_value(anywhere, cells):
                        # In a row that is too short or too long nobody knows which cell is the key.
                        raise UnreadableError(_UNDECLARED)
                    else:
                        kept += 1
                        out.write(raw)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise UnreadableError("it cannot be unpacked, so it is damaged or cut off") from error
        except duckdb.Error as error:
            raise UnreadableError("it cannot be read with the columns declared") from error
    return Cut(removed, kept)


def _table(rows: Sequence[Sequence[str]], names: Sequence[str], signs: Sequence[Sign]) -> pa.Table:
    """The columns that signs read, as text; a row that is too short lacks its last ones."""
    needed = {name: names.index(name) for sign in signs for name in sign.columns}
    if not needed:
        return pa.table({"": pa.nulls(len(rows), pa.string())})
    return pa.table(
        {
            name: pa.array([cells[place] if place < len(cells) else None for cells in rows], pa.string())
            for name, place in needed.items()
        }
    )


def _opened(stack: ExitStack, path: Path, mode: str) -> IO[bytes]:
    plain: IO[bytes] = stack.enter_context(path.open(mode))
    if not path.name.endswith(".gz"):
        return plain
    # No time and no name in it: the same rows give the same bytes.
    packed: IO[bytes] = stack.enter_context(gzip.GzipFile("", mode, fileobj=plain, mtime=0))  # type: ignore[arg-type]
    return packed


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    """Lines with their ends; a file of an old machine ends them with a carriage return alone."""
    first = stream.readline()
    if b"\n" in first or b"\r" not in first:
        if first:
            yield first
        yield from stream
        return
    yield from io.BytesIO(first + stream.read()).read().splitlines(keepends=True)
