"""`headway gate`."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from headway_cli.errors import WrongUseError
from headway_cli.gate.output import EXIT_CODES, Format, Judged, rendered, worst, write_all

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
    if state is not None and stack:
        raise WrongUseError("--state judges a file and --stack plans a stack; choose one of them")
    from headway_cli.gate import judging  # noqa: PLC0415 - `new-rule` needs none of it

    request = judging.Request(
        policies=policies,
        policy_config=policy_config,
        base=base,
        previous=previous,
        today=datetime.now(UTC).date(),
    )
    if state is not None:
        judged: list[Judged] = [judging.judge_state(request, state, config_file)]
    else:
        if config_file is not None:
            raise WrongUseError(
                "--config-file belongs to --state; a stack's own settings are read with --stack"
            )
        judged = judging.judge_stacks(request, stack or [])
    if out is not None:
        write_all(judged, out)
    sys.stdout.write(rendered(judged, form))
    raise typer.Exit(EXIT_CODES[worst(judged)])


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
