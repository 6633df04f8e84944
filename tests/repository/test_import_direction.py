"""Imports point one way, so that a package can be read, tested and shipped without what builds on it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PACKAGES = {
    "headway_runtime": ROOT / "runtime/headway_runtime",
    "headway_components": ROOT / "components/headway_components",
    "headway_blueprints": ROOT / "blueprints/headway_blueprints",
    "headway_policies": ROOT / "policies/headway_policies",
    "headway_sandbox": ROOT / "sandbox/headway_sandbox",
    "headway_cli": ROOT / "cli/headway_cli",
    "stacks": ROOT / "stacks",
}

# What each package may import of the others. A gate that imports what it judges can be fooled with it, and a
# sandbox that knows Headway would no longer show what AWS does.
ALLOWED: dict[str, tuple[str, ...]] = {
    "headway_runtime": (),
    "headway_components": ("headway_runtime.contract",),
    "headway_blueprints": ("headway_components", "headway_runtime.contract"),
    "stacks": ("headway_blueprints", "headway_components", "headway_runtime"),
    "headway_policies": (),
    "headway_sandbox": (),
    "headway_cli": ("headway_",),
}

# Third-party modules that a package never imports, and why.
FORBIDDEN: dict[str, dict[str, str]] = {
    "headway_runtime": {"pulumi": "it runs inside jobs, endpoints and functions, where there is no engine"},
    "headway_components": {"boto3": "a declaration describes; the provider calls"},
    "headway_policies": {"boto3": "a gate judges the declaration, offline"},
}


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"), str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module is not None:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def _within(module: str, prefix: str) -> bool:
    return (
        module == prefix
        or module.startswith(f"{prefix}.")
        or (prefix.endswith("_") and module.startswith(prefix))
    )


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_what_it_builds_on(package: str) -> None:
    breaches = []
    for path in sorted(PACKAGES[package].rglob("*.py")):
        for line, module in _imports(path):
            ours = module.startswith("headway_") and not _within(module, package)
            if ours and not any(_within(module, allowed) for allowed in ALLOWED[package]):
                breaches.append(f"{path.relative_to(ROOT)}:{line} imports {module}")
            for forbidden, reason in FORBIDDEN.get(package, {}).items():
                if _within(module, forbidden):
                    breaches.append(f"{path.relative_to(ROOT)}:{line} imports {module}: {reason}")

    assert breaches == []


def test_no_module_needs_a_seam() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for root in PACKAGES.values()
        for path in root.rglob("*.py")
        if (lines := len(path.read_text("utf-8").splitlines())) > 400
    }

    assert long == {}


def test_every_package_tells_type_checkers_that_it_is_typed() -> None:
    untyped = [
        name for name, path in PACKAGES.items() if name != "stacks" and not (path / "py.typed").exists()
    ]

    assert untyped == []
