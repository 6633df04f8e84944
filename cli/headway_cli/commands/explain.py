"""`headway explain`."""

from typing import Annotated

import typer

from headway_cli.errors import WrongUseError
from headway_cli.output import JsonOption, emit, emit_markdown
from headway_policies.page import document, section
from headway_policies.registry import all_rules, find_rule


def explain(
    rule: Annotated[str, typer.Argument(help="The id or the short name of a rule, like HEADWAY-ENC-001.")],
    as_json: JsonOption = False,
) -> None:
    """Print a rule: what it checks, why, what fails, what passes, and the fix."""
    found = find_rule(rule)
    if found is None:
        known = "".join(f"\n  {item.id}  {item.title}" for item in all_rules())
        raise WrongUseError(f"there is no rule {rule!r}; these are:{known}")
    if as_json:
        emit("", document(found), as_json=True)
    else:
        emit_markdown(section(found))
