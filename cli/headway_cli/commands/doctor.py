"""`headway doctor`."""

from dataclasses import asdict

import typer

from headway_cli.doctor import Check, examine
from headway_cli.output import JsonOption, emit
from headway_cli.project import find_project


def doctor(as_json: JsonOption = False) -> None:
    """Look at what is installed and what is missing, and say what to do."""
    checks = list(examine(find_project()))
    ok = all(check.ok for check in checks)
    text = "\n".join(line for check in checks for line in _lines(check))
    emit(text, {"ok": ok, "checks": [asdict(check) for check in checks]}, as_json=as_json)
    if not ok:
        raise typer.Exit(1)


def _lines(check: Check) -> list[str]:
    first = f"{'ok  ' if check.ok else 'FAIL'} {check.name:<14} {check.found}"
    return [first] if not check.fix else [first, f"     {'':<14} {check.fix}"]
