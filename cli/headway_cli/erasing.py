"""A person out of a system: where its data may lie, what was found there, and the record of it."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from headway_cli.aws import Aws
from headway_cli.errors import HeadwayError, WrongUseError
from headway_cli.featuring import FeatureCode, feature_code, groups
from headway_cli.systems import System
from headway_runtime.erasure.captured import Traces
from headway_runtime.erasure.files import Files
from headway_runtime.erasure.findings import Outcome
from headway_runtime.erasure.lineage import models_of, running_executions
from headway_runtime.erasure.objects import Objects
from headway_runtime.erasure.places import Layout, places_of
from headway_runtime.erasure.record import BEGUN, DONE, Order, Records, document
from headway_runtime.erasure.run import Erasure
from headway_runtime.erasure.signs import signs_of
from headway_runtime.erasure.stores import OnlineGroup, ReviewTable
from headway_runtime.erasure.subject import Subject, SubjectError, read_subject

ERASE_SESSION = "headway-erase"
"""The one name of a session in which the store's role may be assumed."""
_ON_REQUEST = "on-request"
_BUCKETS = ("data_bucket", "artifacts_bucket", "capture_bucket", "audit_bucket")


@dataclass(frozen=True)
class Erased:
    """What an erasure came to, and where its record is.

    Attributes:
        outcome: What was found, and done.
        record: Where the record is; None for a look alone.
        models: Models that have learned from the subject.
    """

    outcome: Outcome
    record: str | None
    models: Sequence[str]


@dataclass(frozen=True)
class Target:
    """What a subject is erased from.

    Attributes:
        aws: Clients of the stack's account.
        system: The system.
        program: Folder of the stack's program, which the code for features lies in.
    """

    aws: Aws
    system: System
    program: Path


def subject_of(system: System, words: Sequence[str]) -> Subject:
    """The subject that `KEY=VALUE` words name.

    Raises:
        WrongUseError: They name none.
    """
    entities = {item["label"]: list(item["contract"]["entity"]) for item in system.features}
    try:
        return read_subject(words, entities)
    except SubjectError as error:
        raise WrongUseError(str(error)) from error


def order_of(
    system: System, subject: Subject, asked_by: str, keep_datasets: str | None, *, delete_unreadable: bool
) -> Order:
    """What is asked for.

    Raises:
        WrongUseError: What goes into the record for years would name the subject, or nobody.
    """
    for flag, text in (("--asked-by", asked_by), ("--keep-datasets", keep_datasets)):
        if text is not None and not text.strip():
            raise WrongUseError(f"{flag} is empty; it goes into the record, so say it")
        if text is not None and subject.is_in(text):
            raise WrongUseError(
                f"{flag} names the subject; the record must not, so name a ticket or an officer"
            )
    return Order(
        system=system.name,
        asked_by=asked_by,
        at=datetime.now(UTC),
        keep_datasets=keep_datasets,
        delete_unreadable=delete_unreadable,
    )


def look(target: Target, subject: Subject) -> Erased:
    """What there is of a subject; nothing is changed.

    Raises:
        HeadwayError: The stack does not say where data lies.
    """
    with _erasure(target, subject, secret=b"") as erasure:
        outcome = erasure.look()
    return Erased(outcome, None, _models(target, outcome))


def erase(target: Target, subject: Subject, order: Order, tell: Callable[[str], None]) -> Erased:
    """Erases a subject from everything; killed anywhere, it is simply run again.

    Args:
        target: What it is erased from.
        subject: The subject.
        order: What was asked for.
        tell: Is told what is being done.

    Raises:
        HeadwayError: The stack does not say where data lies.
    """
    system = target.system
    _require_places(system)
    s3 = target.aws.client("s3")
    records = Records(s3, str(system.audit_bucket), str(system.artifacts_bucket), system.endpoint_name)
    secret = records.secret()
    with _erasure(target, subject, secret=secret, order=order) as erasure:
        tell("looking")
        found = erasure.look()
        # First: whatever ends this run, what it was about to do is on record.
        records.keep(document(order, subject, secret, found, BEGUN))
        outcome = erasure.erase(tell)
    models = _models(target, outcome)
    record = document(order, subject, secret, outcome, DONE) | {"models": models}
    return Erased(outcome, records.keep(record), models)


@contextmanager
def _erasure(
    target: Target, subject: Subject, *, secret: bytes, order: Order | None = None
) -> Iterator[Erasure]:
    aws, system = target.aws, target.system
    _require_places(system)
    store = _StoreClients.of(aws, system)
    code = _code(system, target.program)
    asked = {
        item["label"]: list(item["contract"]["entity"])
        for item in system.features
        if item["contract"]["served"] == _ON_REQUEST
    }
    traces = Traces(signs_of(subject, None if code is None else code.plan, asked))
    layout = Layout(
        prefix=system.endpoint_name,
        data=str(system.data_bucket),
        artifacts=str(system.artifacts_bucket),
        capture=str(system.capture_bucket),
        inputs=[item["name"] for item in system.contract.get("inputs", ())],
        groups={item["label"]: item["offline_uri"] for item in system.features if item.get("offline_uri")},
    )
    review = None
    if system.review is not None:
        review = ReviewTable(aws.client("dynamodb"), str(system.review["table_name"]))
    running: set[str] = set()
    if system.pipeline_name is not None:
        running = running_executions(aws.client("sagemaker"), system.pipeline_name)
    with tempfile.TemporaryDirectory(prefix="headway-erase-") as scratch:
        files = Files(
            Objects(lambda bucket, key: store.at(f"s3://{bucket}/{key}").client("s3"), _now),
            subject,
            secret,
            Path(scratch),
            running=running,
            delete_unreadable=order is not None and order.delete_unreadable,
        )
        yield Erasure(
            subject=subject,
            traces=traces,
            places=places_of(layout, subject, traces),
            groups=_groups(store, system),
            review=review,
            files=files,
            clock=_now,
            keep_datasets=None if order is None else order.keep_datasets,
        )


def _now() -> datetime:
    return datetime.now(UTC)


def _require_places(system: System) -> None:
    missing = [name for name in _BUCKETS if getattr(system, name) is None]
    if missing:
        raise HeadwayError(
            f"the stack does not say where {system.name} keeps its data ({', '.join(missing)}); "
            "run `headway up` to renew it"
        )


def _code(system: System, program: Path) -> FeatureCode | None:
    """The system's own code, which says by what name a raw table has a key; None where it has none."""
    return None if system.feature_code is None else feature_code(system, program)


@dataclass(frozen=True)
class _StoreClients:
    """Clients for what the feature store keeps: of people only its own role may delete.

    Attributes:
        plain: Clients of whoever runs the command.
        eraser: Clients of the store's role; the same where there is none.
        labels: Groups that the role is for.
        places: Where these lie offline.
    """

    plain: Aws
    eraser: Aws
    labels: frozenset[str]
    places: tuple[str, ...]

    @classmethod
    def of(cls, aws: Aws, system: System) -> "_StoreClients":
        """Clients for a system; the role is assumed."""
        role = system.eraser_role_arn
        eraser = aws if role is None else aws.assuming(role, ERASE_SESSION)
        personal = [
            item
            for item in system.features
            if any("personal_data" in feature for feature in item["contract"]["features"])
        ]
        places = tuple(item["offline_uri"] for item in personal if item.get("offline_uri"))
        return cls(aws, eraser, frozenset(item["label"] for item in personal), places)

    def at(self, uri: str) -> Aws:
        """Clients for what lies at a place."""
        return self.eraser if uri.startswith(self.places) else self.plain

    def of_group(self, label: str) -> Aws:
        """Clients for the records of a group."""
        return self.eraser if label in self.labels else self.plain


def _groups(store: _StoreClients, system: System) -> list[OnlineGroup]:
    contracts: dict[str, Any] = {item["label"]: item["contract"] for item in system.features}
    return [
        OnlineGroup(
            label=label,
            name=name,
            key=contracts[label]["entity"][0],
            features=[feature["name"] for feature in contracts[label]["features"]],
            sagemaker=store.of_group(label).client("sagemaker"),
            runtime=store.of_group(label).client("sagemaker-featurestore-runtime"),
            clock=_now,
        )
        for label, name in groups(system).items()
    ]


def _models(target: Target, outcome: Outcome) -> list[str]:
    group = target.system.model_package_group_name
    executions = [str(item["execution"]) for item in outcome.datasets]
    if not executions or group is None:
        return []
    return sorted(models_of(target.aws.client("sagemaker"), group, executions))
