"""How a container image becomes a command without Docker: one small table, images.toml."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_BUILT_IN = Path(__file__).with_name("images.toml")
_PYTHON_NAMES = frozenset({"python", "python3"})


class ImageError(Exception):
    """An image or a table of images that cannot be used; the message names it and says what to do."""


def repository_name(image: str) -> str:
    """The last path component of an image URI, without registry, tag and digest.

    >>> repository_name("123.dkr.ecr.us-east-1.amazonaws.com/team/headway-runtime:1.2@sha256:ab")
    'headway-runtime'
    """
    return image.split("@", 1)[0].rsplit("/", 1)[-1].split(":", 1)[0]


@dataclass(frozen=True)
class ImageTable:
    """Image repository names and the entry point each of them stands for.

    Attributes:
        entrypoints: Entry point command by repository name.
        extension: The file a user may write to add rows.
        python: The interpreter that ``{python}`` and ``python`` stand for.
    """

    entrypoints: Mapping[str, tuple[str, ...]]
    extension: Path
    python: str

    @classmethod
    def load(cls, extension: Path, python: str = sys.executable) -> ImageTable:
        """Reads the built-in table and, if it exists, the user's.

        Args:
            extension: ``images.toml`` of the sandbox's state directory; need not exist.
            python: Interpreter for Python entry points.

        Raises:
            ImageError: If a table is not of the form ``[images]`` with lists of strings.
        """
        rows: dict[str, tuple[str, ...]] = {}
        for path in (_BUILT_IN, extension):
            if path.exists():
                rows.update(_read(path))
        return cls(entrypoints=rows, extension=extension, python=python)

    def command(
        self, image: str, arguments: Sequence[str], entrypoint: Sequence[str] | None = None
    ) -> list[str]:
        """The command that runs instead of a container.

        Args:
            image: Image URI.
            arguments: What follows the entry point.
            entrypoint: Replaces the image's own; then the image need not be in the table.

        Raises:
            ImageError: If the image is not in the table and no entry point is given.
        """
        chosen = entrypoint if entrypoint is not None else self.entrypoints.get(repository_name(image))
        if chosen is None:
            raise ImageError(
                f"The image {image} is not known to the sandbox, which runs commands instead of "
                "containers. Known images: "
                f"{', '.join(sorted(self.entrypoints))}. Add a row `{repository_name(image)} = "
                f'["..."]` under [images] in {self.extension}.'
            )
        program, *rest = [part.replace("{python}", self.python) for part in chosen]
        return [self.python if program in _PYTHON_NAMES else program, *rest, *arguments]


def _read(path: Path) -> dict[str, tuple[str, ...]]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ImageError(f"The table of images {path} cannot be read: {error}.") from error
    rows = document.get("images")
    if not isinstance(rows, dict):
        raise ImageError(f"The table of images {path} has no section [images].")
    wrong = [
        f"{name} = {command!r}"
        for name, command in rows.items()
        if not (isinstance(command, list) and command and all(isinstance(part, str) for part in command))
    ]
    if wrong:
        raise ImageError(
            f"The table of images {path} needs a list of one or more strings for each image; found "
            f"{'; '.join(wrong)}."
        )
    return {name: tuple(command) for name, command in rows.items()}
