"""The record of an erasure: that it happened and what went, without the person that it is about.

Source: Regulation (EU) 2016/679, article 5(2): the controller can demonstrate what was done.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from headway_runtime.erasure.findings import Outcome
from headway_runtime.erasure.subject import Subject

VERSION = 1
BEGUN, DONE = "begun", "done"
_SECRET_BYTES = 32


@dataclass(frozen=True, kw_only=True)
class Order:
    """What was asked for.

    Attributes:
        system: Name of the system.
        asked_by: Who asked, as an officer or a ticket is named; never the person who is erased.
        at: When, with a time zone.
        keep_datasets: Why dataset versions stay as they are; None where they do not.
        delete_unreadable: Whether what cannot be read goes whole.
    """

    system: str
    asked_by: str
    at: datetime
    keep_datasets: str | None
    delete_unreadable: bool


def document(order: Order, subject: Subject, secret: bytes, outcome: Outcome, stage: str) -> dict[str, Any]:
    """The record as JSON values.

    Args:
        order: What was asked for.
        subject: Who is erased; only a keyed hash goes into the record.
        secret: Key of the hash.
        outcome: What was found, and done.
        stage: `BEGUN` before anything is changed, `DONE` afterwards.
    """
    return {
        "version": VERSION,
        "stage": stage,
        "system": order.system,
        "asked_by": order.asked_by,
        "at": order.at.isoformat(),
        "subject_keys": sorted(subject.keys),
        "subject_hash": subject.fingerprint(secret),
        "delete_unreadable": order.delete_unreadable,
        "keep_datasets": order.keep_datasets,
        "is_gone": outcome.is_gone,
        "looks": outcome.passes,
        "rows": outcome.rows,
        "old_versions": outcome.versions,
        "stores": [found.document() for found in outcome.found],
        "datasets": list(outcome.datasets),
    }


class Records:
    """Where records are kept, and the key of their hashes.

    Args:
        s3: A boto3 client.
        audit: Bucket of what auditors look at.
        artifacts: Bucket of the key: who has the records has not the key.
        prefix: `<system>-<stack>`.
    """

    def __init__(self, s3: Any, audit: str, artifacts: str, prefix: str) -> None:  # noqa: ANN401 - boto3 has no types
        self._s3, self._audit, self._artifacts, self._prefix = s3, audit, artifacts, prefix

    def secret(self) -> bytes:
        """The key of the hashes, made by whoever needs it first; without it records are anonymous."""
        where = {"Bucket": self._artifacts, "Key": f"erasure/{self._prefix}/hash.key"}
        try:
            # Made by chance, and kept: that it differs from system to system is the point.
            self._s3.put_object(**where, Body=secrets.token_bytes(_SECRET_BYTES), IfNoneMatch="*")
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") not in _THERE:
                raise
        content: bytes = self._s3.get_object(**where)["Body"].read()
        return content

    def keep(self, record: Mapping[str, Any]) -> str:
        """Keeps a record; answers where."""
        moment = str(record["at"]).replace("-", "").replace(":", "")
        folder = f"erasures/{self._prefix}/{str(record['subject_hash'])[:16]}"
        key = f"{folder}/{moment}-{record['stage']}.json"
        body = (json.dumps(record, indent=2, sort_keys=True) + "\n").encode()
        self._s3.put_object(Bucket=self._audit, Key=key, Body=body, ContentType="application/json")
        return f"s3://{self._audit}/{key}"


_THERE = ("PreconditionFailed", "ConditionalRequestConflict")
