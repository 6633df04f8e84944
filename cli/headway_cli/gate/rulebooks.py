"""Loads what a stack is judged by: rules, frameworks, the team's decisions, prices; with their digests."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from headway_cli.errors import HeadwayError, WrongUseError
from headway_policies import registry
from headway_policies import rules as rules_package
from headway_policies.costs import PRICES, load_prices
from headway_policies.framework_map import FOLDER, load_frameworks
from headway_policies.settings import GateSettings, load_settings
from headway_policies.subjects.machines import TABLE as MACHINES
from headway_policies.toml_tables import DataFileError
from headway_policies.verdict import Rulebook

POLICIES: Final = "policies"
"""The folder of a project with its policy pack, `gate.toml` and `exceptions.toml`."""


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What a stack is judged by.

    Args:
        rulebook: Rules, frameworks, decisions, prices.
        digests: The SHA-256 of all of it, by name.
    """

    rulebook: Rulebook
    digests: dict[str, str]


def project_root(start: Path) -> Path | None:
    """The folder with `Pulumi.yaml`, here or above; None where there is none."""
    return next((folder for folder in (start, *start.parents) if (folder / "Pulumi.yaml").is_file()), None)


def load(folder: Path | None, policy_config: Path | None) -> Loaded:
    """Loads what a stack is judged by.

    Args:
        folder: The folder with `gate.toml`; None for the defaults, which approve of nothing.
        policy_config: A policy configuration of Pulumi on top.

    Raises:
        HeadwayError: Something of it cannot be taken as it is; the gate is then closed.
        WrongUseError: The policy configuration is not there.
    """
    try:
        settings = GateSettings() if folder is None else load_settings(folder)
        if policy_config is not None:
            settings = settings.with_policy_config(_text(policy_config), policy_config.name)
        rules = registry.rules_with(settings.rule_folders)
        settings.require_rules(rule.id for rule in rules)
        frameworks = load_frameworks((FOLDER, *settings.framework_folders))
        prices = load_prices()
    except (DataFileError, registry.RuleFileError) as error:
        raise HeadwayError(f"the gate cannot judge by what it was given:\n{error}") from None
    digests = {
        **settings.digests,
        "rules": folder_digest((Path(rules_package.__path__[0]), *settings.rule_folders), "*.py"),
        "frameworks": folder_digest((FOLDER, *settings.framework_folders), "*.toml"),
        "prices": hashlib.sha256(PRICES.read_bytes()).hexdigest(),
        "machines": hashlib.sha256(MACHINES.read_bytes()).hexdigest(),
    }
    rulebook = Rulebook(rules=rules, frameworks=frameworks, settings=settings, prices=prices)
    return Loaded(rulebook=rulebook, digests=digests)


def folder_digest(folders: Iterable[Path], pattern: str) -> str:
    """The SHA-256 of all files of a pattern in some folders, names and contents."""
    found = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob(pattern)):
            content = path.read_bytes()
            found.update(f"{path.relative_to(folder).as_posix()}\n{len(content)}\n".encode())
            found.update(content)
    return found.hexdigest()


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise WrongUseError(f"{path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise WrongUseError(f"{path} is not text in UTF-8") from None
