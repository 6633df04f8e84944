"""Writes the rules page: `python -m headway_policies.rules_page policies/RULES.md`."""

import sys
from pathlib import Path

from headway_policies.page import page
from headway_policies.registry import all_rules


def main(arguments: list[str]) -> int:
    """Writes the page to the one path given; answers the exit code."""
    if len(arguments) != 1:
        print("say where to write the page: python -m headway_policies.rules_page PATH", file=sys.stderr)  # noqa: T201
        return 2
    Path(arguments[0]).write_text(page(all_rules()), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
