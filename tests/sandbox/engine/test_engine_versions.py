"""Which versions are supported, and what the committed module files pin."""

from importlib import resources

import pytest

from headway_sandbox.engine import PINNED_VERSION, SUPPORTED
from headway_sandbox.engine.versions import Version, parse_version, required_go


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v3.259.0\n", Version(3, 259, 0)),
        ("3.260.1-alpha.7+abc", Version(3, 260, 1)),
        ("go1.26", Version(1, 26, 0)),
        ("go1.25.11", Version(1, 25, 11)),
        ("", None),
        ("unknown", None),
    ],
)
def test_versions_are_read_from_what_tools_print(text: str, version: Version | None) -> None:
    assert parse_version(text) == version


@pytest.mark.parametrize(
    ("version", "supported"),
    [
        ("3.228.9", False),
        ("3.229.0", True),
        (PINNED_VERSION, True),
        ("3.1000.0", True),
        ("4.0.0", False),
        ("2.99.0", False),
    ],
)
def test_supported_range(version: str, supported: bool) -> None:
    parsed = parse_version(version)
    assert parsed is not None
    assert (parsed in SUPPORTED) is supported


def test_module_files_in_the_package_pin_the_version_that_is_built() -> None:
    package = resources.files("headway_sandbox.engine")
    go_mod = package.joinpath("go.mod").read_text("utf-8")
    go_sum = package.joinpath("go.sum").read_text("utf-8")

    for module in ("github.com/pulumi/pulumi/pkg/v3", "github.com/pulumi/pulumi/sdk/v3"):
        assert f"{module} v{PINNED_VERSION}" in go_mod
        assert f"{module} v{PINNED_VERSION} h1:" in go_sum
    assert "replace github.com/atotto/clipboard" in go_mod
    assert required_go(go_mod) == Version(1, 25, 11)


def test_module_file_without_go_line_is_refused() -> None:
    with pytest.raises(ValueError, match="no `go` line"):
        required_go("module a\n")
