"""Which Pulumi CLI versions are supported, and how versions are read. Pure."""

import re
from dataclasses import dataclass

PINNED_VERSION = "3.259.0"
"""The version that is built where none is installed."""

_VERSION = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")


@dataclass(frozen=True, order=True)
class Version:
    """A release version; pre-release and build suffixes are ignored."""

    major: int
    minor: int
    patch: int = 0

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


@dataclass(frozen=True)
class VersionRange:
    """Versions from `minimum` (inclusive) up to `below` (exclusive)."""

    minimum: Version
    below: Version

    def __contains__(self, version: Version) -> bool:
        return self.minimum <= version < self.below

    def __str__(self) -> str:
        return f">={self.minimum},<{self.below}"


SUPPORTED = VersionRange(Version(3, 229), Version(4, 0))
"""Since 3.229 Python policy packs need no analyzer executable, and `pulumi policy analyze` exists."""


def parse_version(text: str) -> Version | None:
    """Find the first version in a text such as `v3.259.0`, `go1.26.8` or `3.260.0-alpha.1`.

    Args:
        text: Output of a version command.

    Returns:
        The version, or None when the text has none.
    """
    found = _VERSION.search(text)
    if found is None:
        return None
    major, minor, patch = found.groups(default="0")
    return Version(int(major), int(minor), int(patch))


def required_go(go_mod: str) -> Version:
    """Read the `go` line of a go.mod file: the oldest Go that builds the module.

    Args:
        go_mod: Text of the file.

    Returns:
        The version.

    Raises:
        ValueError: When the file has no `go` line.
    """
    line = re.search(r"^go\s+(\S+)", go_mod, re.MULTILINE)
    version = parse_version(line.group(1)) if line else None
    if version is None:
        raise ValueError("go.mod has no `go` line")
    return version
