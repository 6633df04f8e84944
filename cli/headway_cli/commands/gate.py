"""`headway gate`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from headway_cli.gate.output import Format

app = typer.Typer(
    invoke_without_command=True,
    help="Judge a stack or an exported state: it ships by itself, needs a person, or is refused; and why.",
    epilog="Exit codes: 0 ships by itself, 1 refused, 2 wrong use, 3 needs a person.",
)


@app.callback()
def gate(
    context: typer.Context,
    *,
    stack: Annotated[
        list[str] | None,
        typer.Option(
            "--stack",
            "-s",
            metavar="NAME",
            help="A stack to plan and judge; several are allowed. All without it.",
        ),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(
            "--state", metavar="FILE", help="Judge what `pulumi stack export` printed, of any program."
        ),
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="What to print.")] = Format.MARKDOWN,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write all forms and the evidence there, too.")
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(
            "--base", metavar="REVISION", help="The Git revision to compare with, like origin/main."
        ),
    ] = None,
    previous: Annotated[
        Path | None,
        typer.Option(
            "--previous",
            metavar="FILE",
            help="The state that is deployed, exported: what changes and is deleted.",
        ),
    ] = None,
    config_file: Annotated[
        Path | None,
        typer.Option(
            "--config-file", metavar="FILE", help="The stack's settings, for a state from elsewhere."
        ),
    ] = None,
    policy_config: Annotated[
        Path | None,
        typer.Option(
            "--policy-pack-config", metavar="FILE", help="Pulumi's policy configuration, as for `pulumi`."
        ),
    ] = None,
    policies: Annotated[
        Path | None,
        typer.Option(
            "--policies", metavar="DIR", help="The folder with gate.toml; the project's without it."
        ),
    ] = None,
) -> None:
    """Judge a stack or an exported state."""
    if context.invoked_subcommand is not None:
        return
    from headway_cli.gate.running import run_gate  # noqa: PLC0415 - `new-rule` needs none of it

    code = run_gate(
        stack=stack,
        state=state,
        form=form,
        out=out,
        base=base,
        previous=previous,
        config_file=config_file,
        policy_config=policy_config,
        policies=policies,
    )
    raise typer.Exit(code)


@app.command("new-rule")
def new_rule(
    rule_id: Annotated[str, typer.Argument(help="The id, like ACME-NET-001; begin with your team's name.")],
    title: Annotated[str, typer.Argument(help="What holds when the rule is kept, as a promise.")],
    resource_type: Annotated[
        str, typer.Argument(help="The type it speaks about, like aws:s3/bucket:Bucket.")
    ],
    folder: Annotated[
        Path | None,
        typer.Option(
            "--folder", metavar="DIR", help="Where to write it; policies/rules of the project without it."
        ),
    ] = None,
) -> None:
    """Write the file of a new rule of your own, with its examples and a check to fill in."""
    from headway_cli.gate.scaffold import write_rule  # noqa: PLC0415 - the gate itself needs none of it

    written = write_rule(rule_id, title, resource_type, folder)
    sys.stdout.write(written.said)
