"""Which provider plugins a program needs, from the Pulumi SDKs in its environment. Pure."""

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_NO_PLUGIN = frozenset({"pulumi-policy", "pulumi-esc-sdk"})
_RELEASE = re.compile(
    r"(?P<release>\d+(?:\.\d+)*)(?:(?P<stage>a|b|rc)(?P<number>\d+))?(?:\.post(?P<post>\d+))?(?:\.dev(?P<dev>\d+))?"
)
_STAGES = {"a": "alpha", "b": "beta", "rc": "rc"}


@dataclass(frozen=True)
class Parameterization:
    """What makes a generic provider a certain one: its name, its version and the provider's own data."""

    name: str
    version: str
    value: bytes


@dataclass(frozen=True)
class RequiredPackage:
    """A provider plugin that the engine should have.

    Attributes:
        name: Name of the plugin.
        version: Its version with a leading `v`.
        server: Where it is loaded from, or empty for the usual place.
        parameterization: What makes a generic provider this one, or None.
    """

    name: str
    version: str
    server: str = ""
    parameterization: Parameterization | None = None


def plugin_version(package_version: str) -> str | None:
    """Turn a Python version into the semantic version of the plugin that belongs to it.

    Args:
        package_version: A version such as `7.51.1`, `3.1` or `4.0.0a1605583329`.

    Returns:
        The version, or None where it cannot be known.
    """
    found = _RELEASE.fullmatch(package_version)
    if found is None:
        return None
    numbers = found["release"].split(".")
    release = ".".join([*numbers, *["0"] * (3 - len(numbers))])
    stage = f"-{_STAGES[found['stage']]}.{found['number']}" if found["stage"] else ""
    build = (f"post{found['post']}" if found["post"] else "") + (f"dev{found['dev']}" if found["dev"] else "")
    return release + stage + (f"+{build}" if build else "")


def required_packages(distributions: Iterable[Mapping[str, Any]]) -> list[RequiredPackage]:
    """Find the provider plugins that belong to the SDKs in an environment.

    Args:
        distributions: As `environment.py` prints them.

    Returns:
        The plugins, by name of the distribution.
    """
    found = (_required_package(entry) for entry in distributions if "plugin" in entry)
    return [package for package in found if package is not None]


def _required_package(entry: Mapping[str, Any]) -> RequiredPackage | None:
    plugin: Mapping[str, Any] = entry["plugin"]
    if entry["name"] in _NO_PLUGIN or not plugin.get("resource", not plugin):
        return None
    version = plugin.get("version") or plugin_version(entry["version"])
    if version is None:
        return None
    return RequiredPackage(
        name=plugin.get("name") or entry["name"].removeprefix("pulumi-"),
        version=version if version.startswith("v") else f"v{version}",
        server=plugin.get("server") or "",
        parameterization=_parameterization(plugin.get("parameterization")),
    )


def _parameterization(declared: Mapping[str, Any] | None) -> Parameterization | None:
    if declared is None:
        return None
    return Parameterization(
        declared["name"], declared["version"], base64.b64decode(declared.get("value", ""))
    )
