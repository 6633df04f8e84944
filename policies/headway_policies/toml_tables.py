"""Reads TOML strictly: unknown keys and wrong types are problems, and all of them are told at once."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


class DataFileError(ValueError):
    """A data file cannot be taken as it is; the message names every problem."""


@dataclass
class Table:
    """A table that is being read.

    Args:
        values: Its content.
        where: How a message names it, for example `gate.toml [golden_path]`.
        problems: Gets what is wrong.
    """

    values: Mapping[str, object]
    where: str
    problems: list[str] = field(default_factory=list)

    def only(self, *names: str) -> None:
        """Reports the keys that mean nothing here."""
        for name in self.values:
            if name not in names:
                known = ", ".join(names)
                self.problems.append(f"{self.where}: there is no {name!r} here; these keys are read: {known}")

    def text(self, name: str) -> str:
        """A text that has to be there; empty where it is not, which is then a problem."""
        found = self.values.get(name)
        if isinstance(found, str) and found.strip():
            return found
        self.wrong(name, "a text")
        return ""

    def optional_text(self, name: str) -> str:
        """A text; empty where it is left out."""
        return self.text(name) if name in self.values else ""

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts; empty where it is left out."""
        found = self.values.get(name, [])
        if isinstance(found, list) and all(isinstance(item, str) and item for item in found):
            return tuple(found)
        self.wrong(name, "a list of texts")
        return ()

    def table(self, name: str) -> "Table":
        """A table; empty where it is left out."""
        found = self.values.get(name, {})
        if not isinstance(found, Mapping):
            self.wrong(name, "a table")
            found = {}
        return Table(values=found, where=f"{self.where} [{name}]", problems=self.problems)

    def tables(self, name: str) -> tuple["Table", ...]:
        """A list of tables; empty where it is left out."""
        found = self.values.get(name, [])
        if not isinstance(found, list) or not all(isinstance(item, Mapping) for item in found):
            self.wrong(name, f"tables, each under [[{name}]]")
            return ()
        return tuple(
            Table(values=item, where=f"{self.where} [[{name}]] number {position}", problems=self.problems)
            for position, item in enumerate(found, start=1)
        )

    def wrong(self, name: str, want: str) -> None:
        """Reports a value that is not what it should be."""
        got = repr(self.values[name]) if name in self.values else "missing"
        self.problems.append(f"{self.where}: {name} is {got}, want {want}")

    def require_none_wrong(self) -> None:
        """Ends the reading.

        Raises:
            DataFileError: Something was wrong.
        """
        if self.problems:
            raise DataFileError("\n".join(self.problems))


def read_table(path: Path) -> Table:
    """Reads a file.

    Raises:
        DataFileError: It cannot be read or is not TOML.
    """
    return parse_table(_text(path), path.name)


def parse_table(text: str, where: str) -> Table:
    """Reads a text.

    Args:
        text: TOML.
        where: How messages name it.

    Raises:
        DataFileError: It is not TOML.
    """
    try:
        return Table(values=tomllib.loads(text), where=where)
    except tomllib.TOMLDecodeError as error:
        raise DataFileError(f"{where} is not TOML: {error}") from None


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise DataFileError(f"{path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise DataFileError(f"{path} is not text in UTF-8") from None
