"""What a team decides about its gate: `gate.toml`, beside it `exceptions.toml`, and rules of its own."""

import difflib
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Final

from headway_policies.exceptions import PolicyException, parse_exceptions
from headway_policies.toml_tables import DataFileError, Table, parse_table

FILE_NAME: Final = "gate.toml"
EXCEPTIONS_NAME: Final = "exceptions.toml"
ALL_RULES: Final = "all"
"""In a policy configuration: every rule that is not named itself."""


class Level(Enum):
    """How strictly a rule is enforced. The words are those of Pulumi."""

    MANDATORY = "mandatory"
    ADVISORY = "advisory"
    DISABLED = "disabled"


_LEVELS: Final = {**{level.value: level for level in Level}, "remediate": Level.MANDATORY}


@dataclass(frozen=True, kw_only=True)
class GateSettings:
    """What a team decides about its gate.

    Args:
        levels: Rules that are not mandatory here, and `all`.
        images: Patterns of approved images; `*` stands for any text.
        libraries: Libraries that code in the stack may import, by their import names.
        stateful: Types of resources that hold data, beside those that Headway knows.
        ceilings_usd: The highest monthly estimate for each environment, in US dollars.
        maximum_exceptions: How many exceptions may be in force; None for any number.
        exceptions: The exceptions.
        rule_folders: Folders with rules of the team's own.
        framework_folders: Folders with frameworks of the team's own.
        digests: The SHA-256 of each file that was read, by its name.
    """

    levels: Mapping[str, Level] = field(default_factory=dict)
    images: tuple[str, ...] = ()
    libraries: frozenset[str] = frozenset()
    stateful: frozenset[str] = frozenset()
    ceilings_usd: Mapping[str, float] = field(default_factory=dict)
    maximum_exceptions: int | None = None
    exceptions: tuple[PolicyException, ...] = ()
    rule_folders: tuple[Path, ...] = ()
    framework_folders: tuple[Path, ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict)

    def level(self, rule_id: str) -> Level:
        """How strictly a rule is enforced."""
        return self.levels.get(rule_id, self.levels.get(ALL_RULES, Level.MANDATORY))

    def with_policy_config(self, text: str, where: str) -> "GateSettings":
        """These settings with a policy configuration of Pulumi on top, as `--policy-pack-config` takes it.

        Raises:
            DataFileError: It is not such a configuration.
        """
        levels = {**self.levels, **parse_policy_config(text, where)}
        return replace(self, levels=levels, digests={**self.digests, where: _digest(text)})

    def require_rules(self, rule_ids: Iterable[str]) -> None:
        """Refuses levels of rules that there are not: whoever wrote them believes that they hold.

        Raises:
            DataFileError: A level is set for no rule.
        """
        problems = unknown_rules(self.levels, rule_ids)
        if problems:
            raise DataFileError("\n".join(problems))


def unknown_rules(named: Iterable[str], rule_ids: Iterable[str]) -> list[str]:
    """What is wrong with the names of rules whose levels are set; empty where nothing is.

    Args:
        named: The names, `all` among them or not.
        rule_ids: The ids of all rules.
    """
    known = sorted(rule_ids)
    return [
        f"a level is set for {name}, and there is no such rule{_meant(name, known)}; a level names a rule by "
        "its id, which `policies/RULES.md` and the files of your own rules tell"
        for name in named
        if name != ALL_RULES and name not in known
    ]


def _meant(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name.upper(), known, n=1)
    return f" (is {close[0]} meant?)" if close else ""


def load_settings(folder: Path) -> GateSettings:
    """The settings of a folder; the defaults, which approve of nothing, where it holds none.

    Args:
        folder: The folder with `gate.toml`, in a project its `policies` folder.

    Raises:
        DataFileError: The file or the exceptions beside it cannot be taken as they are.
    """
    texts = {
        name: path.read_text("utf-8")
        for name in (FILE_NAME, EXCEPTIONS_NAME)
        if (path := folder / name).is_file()
    }
    problems: list[str] = []
    settings = GateSettings()
    try:
        settings = parse_settings(texts.get(FILE_NAME, ""), FILE_NAME, folder)
    except DataFileError as error:
        problems.append(str(error))
    try:
        entries = parse_exceptions(texts.get(EXCEPTIONS_NAME, ""), EXCEPTIONS_NAME)
    except DataFileError as error:
        problems.append(str(error))
        entries = ()
    if problems:
        raise DataFileError("\n".join(problems))
    digests = {name: _digest(text) for name, text in texts.items()}
    return replace(settings, exceptions=entries, digests=digests)


def parse_settings(text: str, where: str, folder: Path) -> GateSettings:
    """Reads `gate.toml`.

    Raises:
        DataFileError: It cannot be taken as it is.
    """
    table = parse_table(text, where)
    table.only("rules", "frameworks", "levels", "golden_path", "cost", "exceptions")
    golden = table.table("golden_path")
    golden.only("images", "libraries", "stateful")
    limits = table.table("exceptions")
    limits.only("maximum")
    settings = GateSettings(
        levels=_levels(table.table("levels").values, table),
        images=golden.texts("images"),
        libraries=frozenset(golden.texts("libraries")),
        stateful=frozenset(golden.texts("stateful")),
        ceilings_usd=_ceilings(table.table("cost")),
        maximum_exceptions=_count(limits, "maximum"),
        rule_folders=_folders(table, "rules", folder),
        framework_folders=_folders(table, "frameworks", folder),
    )
    table.require_none_wrong()
    return settings


def parse_policy_config(text: str, where: str) -> dict[str, Level]:
    """The levels that a policy configuration of Pulumi sets, such as `{"HEADWAY-ENC-001": "advisory"}`.

    Raises:
        DataFileError: It is not such a configuration.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise DataFileError(f"{where} is not JSON: {error}") from None
    if not isinstance(document, Mapping):
        raise DataFileError(f"{where} is not an object of rules and their levels")
    plain = {
        name: value.get("enforcementLevel", Level.MANDATORY.value) if isinstance(value, Mapping) else value
        for name, value in document.items()
    }
    table = Table(values=plain, where=where)
    levels = _levels(plain, table)
    table.require_none_wrong()
    return levels


def _levels(values: Mapping[str, object], table: Table) -> dict[str, Level]:
    found: dict[str, Level] = {}
    for rule, word in values.items():
        level = _LEVELS.get(word) if isinstance(word, str) else None
        if level is None:
            words = ", ".join(item.value for item in Level)
            table.problems.append(f"{table.where}: the level of {rule} is {word!r}, want one of {words}")
        else:
            found[rule] = level
    return found


def _ceilings(table: Table) -> dict[str, float]:
    table.only("monthly_ceiling_usd")
    found: dict[str, float] = {}
    ceilings = table.table("monthly_ceiling_usd")
    for environment, amount in ceilings.values.items():
        if isinstance(amount, int | float) and not isinstance(amount, bool) and amount >= 0:
            found[environment] = float(amount)
        else:
            ceilings.wrong(environment, "US dollars a month, zero or more")
    return found


def _count(table: Table, name: str) -> int | None:
    if name not in table.values:
        return None
    found = table.values[name]
    if isinstance(found, int) and not isinstance(found, bool) and found >= 0:
        return found
    table.wrong(name, "a whole number, zero or more")
    return None


def _folders(table: Table, name: str, folder: Path) -> tuple[Path, ...]:
    found: list[Path] = []
    for item in table.texts(name):
        path = folder / item
        if path.is_dir():
            found.append(path)
        else:
            table.problems.append(
                f"{table.where}: {name} names {item!r}, and there is no such folder in {folder}"
            )
    return tuple(found)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
