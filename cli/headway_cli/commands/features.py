"""`headway features`."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from headway_cli.errors import HeadwayError, WrongUseError
from headway_cli.opening import open_system
from headway_cli.output import DEFAULT_STACK, JsonOption, StackOption, SystemOption, emit
from headway_cli.project import find_project

app = typer.Typer(no_args_is_help=True, help="What features there are, their values now, and their skew.")

_PROGRAM = "stacks"


@app.command()
def show(
    system: SystemOption = None, stack: StackOption = DEFAULT_STACK, as_json: JsonOption = False
) -> None:
    """Show every feature that exists, who owns it, and whether the model takes it."""
    _, chosen = open_system(stack, system)
    if not chosen.features:
        raise HeadwayError(f"{chosen.name} declares no feature contracts; run `headway up` to renew it")
    lines = [line for item in chosen.features for line in _shelf(item)]
    emit("\n".join(lines), {"system": chosen.name, "features": list(chosen.features)}, as_json=as_json)


def _shelf(item: Mapping[str, Any]) -> list[str]:
    contract = item["contract"]
    words = [
        f"owner {contract.get('owner', 'nobody')}",
        f"served {contract['served']}",
        f"by {', '.join(contract['entity'])}",
        *([f"counts for {contract['ttl_s']} s"] if "ttl_s" in contract else []),
        "taken by the model" if item["taken"] else "not taken",
    ]
    about = f": {contract['description']}" if "description" in contract else ""
    return [
        f"{item['label']}{about}",
        f"  {'; '.join(words)}",
        f"  {item['digest']}",
        *(f"    {_feature(feature)}" for feature in contract["features"]),
    ]


def _feature(feature: Mapping[str, Any]) -> str:
    personal = feature.get("personal_data")
    words = [
        feature["type"],
        *(["may be missing"] if feature["nullable"] else []),
        *([f"at most {feature['freshness_s']} s old"] if "freshness_s" in feature else []),
        *([f"personal: {', '.join(personal['purposes'])}"] if personal else []),
        *([feature["description"]] if "description" in feature else []),
    ]
    return f"{feature['name']:<22}{', '.join(words)}"


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise WrongUseError(f"{text!r} is no time; write it as 2013-09-01T12:00:00Z") from None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time


@app.command()
def materialize(
    since: Annotated[str, typer.Option("--since", metavar="TIME", help="The first moment, UTC.")],
    until: Annotated[str, typer.Option("--until", metavar="TIME", help="The end, which is left out.")],
    system: SystemOption = None,
    stack: StackOption = DEFAULT_STACK,
    as_json: JsonOption = False,
) -> None:
    """Compute the stored features of a span of time, and write them to the feature store."""
    from headway_cli import featuring  # noqa: PLC0415 - other verbs need no database

    begin, end = _time(since), _time(until)
    if begin >= end:
        raise WrongUseError(f"--since {since} must be before --until {until}")
    aws, chosen = open_system(stack, system)
    code = featuring.feature_code(chosen, find_project().program_root / _PROGRAM)
    written = featuring.write_new_rows(
        aws, chosen, code, since=begin, until=end, clock=lambda: datetime.now(UTC)
    )
    lines = [
        f"{label}: {item.records} records" + (f", the newest of {item.newest}" if item.newest else "")
        for label, item in written.items()
    ]
    document = {label: asdict(item) for label, item in written.items()}
    emit("\n".join(lines), {"system": chosen.name, "written": document}, as_json=as_json)


@app.command()
def row(
    request: Annotated[
        Path, typer.Option("--request", metavar="FILE", help="What is asked about, as one JSON object.")
    ],
    ask: Annotated[bool, typer.Option("--ask", help="Ask the endpoint with the row.")] = False,
    system: SystemOption = None,
    stack: StackOption = DEFAULT_STACK,
    as_json: JsonOption = False,
) -> None:
    """Make the row for a request: its own features, and the newest stored ones that count."""
    from headway_cli import featuring  # noqa: PLC0415 - other verbs need no database
    from headway_cli.invoking import serving_client  # noqa: PLC0415
    from headway_runtime.features.skew import inference_id  # noqa: PLC0415

    asked = _read(request)
    aws, chosen = open_system(stack, system)
    code = featuring.feature_code(chosen, find_project().program_root / _PROGRAM)
    made = featuring.row_of(aws, chosen, code, asked)
    values = {item["name"]: made.values[item["name"]] for item in chosen.contract["inputs"]}
    document: dict[str, Any] = {"system": chosen.name, "row": values, "states": made.states}
    lines = [json.dumps(values), *(f"{label}: {state}" for label, state in made.states.items())]
    if ask:
        name = inference_id(made.keys.values(), made.at, uuid.uuid4().hex[:8])
        body = json.dumps({"instances": [values]}).encode()
        client = serving_client(aws, chosen)
        answer = client.ask(body, "application/json", "application/json", inference_id=name)
        document |= {"answer": json.loads(answer.body), "inference_id": name}
        lines.append(f"{answer.body.decode()} by {answer.by}, as {name}")
    emit("\n".join(lines), document, as_json=as_json)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise WrongUseError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise WrongUseError(f"{path} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise WrongUseError(f"{path} holds {type(found).__name__}; write one JSON object")
    return found


@app.command()
def skew(
    day: Annotated[
        str | None, typer.Option("--day", metavar="DATE", help="Only what was captured on this day, UTC.")
    ] = None,
    maximum_share: Annotated[
        float, typer.Option("--maximum-share", help="Fail above this share of rows that differ.")
    ] = 0.0,
    system: SystemOption = None,
    stack: StackOption = DEFAULT_STACK,
    as_json: JsonOption = False,
) -> None:
    """Hold what the endpoint was asked with against history, and publish the difference as a metric."""
    from headway_cli import featuring  # noqa: PLC0415 - other verbs need no database

    aws, chosen = open_system(stack, system)
    code = featuring.feature_code(chosen, find_project().program_root / _PROGRAM)
    found = featuring.measure_skew(aws, chosen, code, None if day is None else _time(day))
    differing = [
        f"  {name}: {item.different} rows, up to {item.largest}; for example {item.examples[0]}"
        for name, item in found.features.items()
        if item.different
    ]
    unnamed = f"; {found.unnamed} rows do not say what they are about" if found.unnamed else ""
    unknown = f"; {found.unknown} are about nothing that history has" if found.unknown else ""
    first = f"{found.different} of {found.rows} rows differ from history{unnamed}{unknown}"
    emit("\n".join([first, *differing]), {"system": chosen.name, **found.document()}, as_json=as_json)
    if found.share > maximum_share:
        raise HeadwayError(
            f"{found.share:.2%} of the rows differ, more than {maximum_share:.2%}: the model is asked with "
            "other values than it learned from; correct what makes them"
        )
