"""The page that says what of AWS the sandbox emulates: `docs/coverage.md`, generated from the code."""

from __future__ import annotations

import importlib.metadata
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby

from headway_sandbox import canned
from headway_sandbox.own_services import JSON_SERVICES, REST_APIS
from headway_sandbox.provider.coverage import Row
from headway_sandbox.sagemaker.operations import load_operations
from headway_sandbox.sagemaker.protocol import Coverage, operations
from headway_sandbox.wire.models import model_of

REFUSED = "refused"
_RUNTIME = "sagemaker-runtime"
_STATUSES = ("behaves", "keeps state", REFUSED)


def page(head: str, rows: Iterable[Row]) -> str:
    """The whole page.

    Args:
        head: What stands under its title: that it is generated.
        rows: Every resource type and each of its inputs, as the provider stand-in says.
    """
    load_operations()
    return "\n".join([*_lead(head), *_services(), *_general(), *_resources(list(rows))]) + "\n"


def operation_status(api: str) -> dict[str, str]:
    """What becomes of each operation of one of our own services: behaves, keeps state, or refused."""
    known = {name: found.coverage.value for name, found in operations(api).items()}
    if api == _RUNTIME:
        # The data plane answers these before they would become documents.
        from headway_sandbox.dataplane.router import OPERATIONS  # noqa: PLC0415

        known |= dict.fromkeys(OPERATIONS, Coverage.BEHAVES.value)
    return {name: known.get(name, REFUSED) for name in sorted(model_of(api).operation_names)}


def _lead(head: str) -> Iterator[str]:
    yield "# What the sandbox emulates"
    yield ""
    yield head
    yield "* **behaves**: it does what AWS does, as far as anybody outside can see"
    yield "* **keeps state**: it remembers and answers what it was told, and nothing else happens"
    yield "* **refused**: an error that names it; never a made-up success"
    yield ""


def _services() -> Iterator[str]:
    yield "## Services that the sandbox implements itself"
    yield ""
    yield "| service | behaves | keeps state | refused |"
    yield "| --- | --- | --- | --- |"
    apis = [*(own.api for own in JSON_SERVICES), *REST_APIS]
    statuses = {api: operation_status(api) for api in apis}
    for api, found in statuses.items():
        count = Counter(found.values())
        yield f"| {model_of(api).title} | {count['behaves']} | {count['keeps state']} | {count[REFUSED]} |"
    yield ""
    for api, found in statuses.items():
        yield from _folded(f"{model_of(api).title}, operation by operation", _by_status(found))


def _by_status(found: dict[str, str]) -> Iterator[str]:
    for status in _STATUSES:
        names = [name for name, kept in found.items() if kept == status]
        if names:
            yield f"**{status}**: {', '.join(f'`{name}`' for name in names)}"
            yield ""


def _general() -> Iterator[str]:
    version = importlib.metadata.version("ministack")
    yield "## General services"
    yield ""
    yield (
        "S3, IAM, KMS, DynamoDB, CloudWatch, EventBridge, Step Functions, Lambda, SNS, SQS, SSM and the "
        f"others are those of ministack {version}. "
        "What the sandbox adds to them: alarms that are evaluated period by period, on their own dimensions "
        "and without data; events of alarms and parameters; pipelines as targets of rules and schedules; "
        "state machines that go on after a restart; keys behind objects; faults; enforced IAM. An operation "
        "that ministack does not know is an error that names it. These it would answer with a made-up "
        "success, so the sandbox refuses them:"
    )
    yield ""
    yield "| service | refused | why |"
    yield "| --- | --- | --- |"
    for (api, why), group in groupby(canned.REFUSED.items(), key=lambda item: (item[0][0], item[1])):
        yield f"| {api} | {', '.join(f'`{name}`' for (_, name), _ in group)} | {why} |"
    yield ""


def _resources(rows: list[Row]) -> Iterator[str]:
    by_type = {token: list(group) for token, group in groupby(rows, key=lambda row: row[0])}
    yield "## Resource types"
    yield ""
    yield (
        "What the provider stand-in makes of each type of the AWS provider that it knows, and of each of the "
        "type's inputs; a type that is not listed is refused at preview."
    )
    yield ""
    for token, found in by_type.items():
        (whole,) = [row for row in found if row[1] == ""]
        inputs = [row for row in found if row[1] != ""]
        count = Counter(str(status) for _, _, status, _ in inputs)
        counted = ", ".join(f"{count[name]} {name}" for name in _STATUSES if count[name])
        why = f" ({whole[3]})" if whole[3] else ""
        yield from _folded(f"{token}: {whole[2]}{why}; inputs: {counted}", _inputs(inputs))


def _inputs(rows: list[Row]) -> Iterator[str]:
    for status in _STATUSES:
        notes: dict[str, list[str]] = {}
        for _, path, kept, note in rows:
            if kept == status:
                notes.setdefault(note, []).append(path)
        for note, names in notes.items():
            because = f" ({note})" if note else ""
            yield f"**{status}**{because}: {', '.join(f'`{name}`' for name in names)}"
            yield ""


def _folded(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield f"<details><summary>{title}</summary>"
    yield ""
    yield from lines
    yield "</details>"
    yield ""
