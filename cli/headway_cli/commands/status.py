"""`headway status`."""

import typer

from headway_cli.aws import Aws
from headway_cli.engine_session import open_session
from headway_cli.narration import Narrator
from headway_cli.output import DEFAULT_STACK, JsonOption, StackOption, emit, own_command
from headway_cli.project import LOCAL_STACK, find_project
from headway_cli.sandbox import find_sandbox, require_sandbox
from headway_cli.status import problems, system_status
from headway_cli.summary import summary
from headway_cli.systems import read_systems


def status(stack: StackOption = DEFAULT_STACK, as_json: JsonOption = False) -> None:
    """Say what is live: endpoint, model, data, metrics, digests, and what is wrong."""
    project = find_project()
    sandbox = require_sandbox(project) if stack == LOCAL_STACK else find_sandbox(project)
    session = open_session(project, stack, Narrator.on_standard_error(), sandbox)
    aws = Aws(session.variables)
    systems = read_systems(session)
    statuses = [system_status(aws, system) for system in systems]
    wrong = {item["system"]: problems(item) for item in statuses}
    document = {
        "stack": stack,
        "systems": {item["system"]: {**item, "problems": wrong[item["system"]]} for item in statuses},
    }
    text = "\n\n".join(summary(item, own_command()) for item in statuses)
    emit(text, document, as_json=as_json)
    if any(item["endpoint"]["status"] != "InService" for item in statuses):
        raise typer.Exit(1)
