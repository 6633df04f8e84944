"""What a stack runs: its images, and the libraries that its code imports. Pure."""

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from headway_policies.resource import UNKNOWN, Resource

IMAGE_KEYS: Final = frozenset({"image", "imageuri", "imageurl", "trainingimage", "containerimage"})
_CODE_KEYS: Final = ("code", "source", "content")
_NESTED: Final = frozenset({dict, list, str})
_NEVER: Final = frozenset({"tags", "tagsAll"})
_MAY_HOLD_AN_IMAGE: Final = re.compile(r'"(?:[A-Za-z]*[iI]mage(?:U[rR][iIlL])?)"\s*:')

# A statement at the start of a line, indented or not; code is only read, never run.
_IMPORT: Final = re.compile(
    r"^[ \t]*(?:from[ \t]+([A-Za-z_]\w*)[\w.]*[ \t]+import\b|import[ \t]+(.+))", re.MULTILINE
)
_REQUIREMENT: Final = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)")


@dataclass(frozen=True, kw_only=True)
class Used:
    """An image or a library, and the resource that uses it.

    Args:
        urn: The resource.
        path: Where it says so.
        name: The image's URI or the library's name; None where it is not known yet.
    """

    urn: str
    path: str
    name: str | None


def images(resources: Iterable[Resource]) -> Iterator[Used]:
    """The images that resources run, also those inside a pipeline's definition."""
    for resource in resources:
        if resource.is_custom:
            for path, value in _images(resource.properties, ""):
                yield Used(urn=resource.urn, path=path, name=value)


def libraries(resources: Iterable[Resource]) -> Iterator[Used]:
    """The libraries that code in resources imports or requires; not the standard library, not its own files.

    Code is found where a resource carries it: as text, in an asset or in an archive of assets. A state keeps
    only digests of assets, so little is found there.
    """
    found = [
        (resource.urn, path, text)
        for resource in resources
        if resource.is_custom
        for path, text in _files(resource.properties, "")
    ]
    own = {part for _, path, _ in found for part in path.removesuffix(".py").split("/")}
    for urn, path, text in found:
        for name in sorted(_imported(path, text) - own - sys.stdlib_module_names):
            yield Used(urn=urn, path=path, name=name)


def is_approved_image(image: str, patterns: Iterable[str]) -> bool:
    """Whether an image is on the list; `*` in a pattern stands for any text."""
    return any(re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), image) for pattern in patterns)


def _images(value: object, path: str) -> Iterator[tuple[str, str | None]]:
    # Asked of every value of every resource, so the cheap tests come first.
    kind = type(value)
    if kind is str:
        text = str(value)
        if text[:1] == "{" and _MAY_HOLD_AN_IMAGE.search(text):
            try:
                document = json.loads(text)
            except (ValueError, RecursionError):
                return
            yield from _images(document, path)
    elif kind is dict:
        assert isinstance(value, dict)
        for name, item in value.items():
            if (item is UNKNOWN or item) and name.lower() in IMAGE_KEYS and not isinstance(item, dict | list):
                yield _joined(path, name), None if item is UNKNOWN else str(item)
            elif item.__class__ in _NESTED and name not in _NEVER:
                yield from _images(item, _joined(path, name))
    elif kind is list:
        assert isinstance(value, list)
        for position, item in enumerate(value):
            if item.__class__ in _NESTED:
                yield from _images(item, f"{path}[{position}]")


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _files(value: object, path: str) -> Iterator[tuple[str, str]]:
    if not isinstance(value, Mapping):
        return
    text = value.get("text")
    if isinstance(text, str) and path:
        yield path, text
    assets = value.get("assets")
    if isinstance(assets, Mapping):
        for name, item in assets.items():
            yield from _files(item, str(name))
        return
    for name in _CODE_KEYS:
        item = value.get(name)
        if isinstance(item, str) and name == "content":
            yield _file_name(value, name), item
        elif isinstance(item, Mapping):
            yield from _files(item, path or _file_name(value, name))


def _file_name(value: Mapping[object, object], name: str) -> str:
    # An object of a bucket says in its key what kind of file it is.
    key = value.get("key")
    return key if isinstance(key, str) else name


def _imported(path: str, text: str) -> set[str]:
    if path.rsplit("/", 1)[-1].startswith("requirements") and path.endswith(".txt"):
        lines = (line for line in text.splitlines() if not line.lstrip().startswith(("#", "-")))
        return {named[1].lower() for line in lines if (named := _REQUIREMENT.match(line))}
    if not path.endswith(".py"):
        return set()
    found: set[str] = set()
    for match in _IMPORT.finditer(text):
        if match[1]:
            found.add(match[1])
        else:
            found |= {part.split()[0].split(".", 1)[0] for part in match[2].split(",") if part.split()}
    return {name for name in found if name.isidentifier()}
