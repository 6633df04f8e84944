"""What is known of a dataset once it has passed its gate: its version, what landed, until when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headway_runtime.monitor.control.cloud import Cloud
from headway_runtime.train.control.cuts import moment

EVALUATIONS = "evaluations/"
DECISION = "/decision.json"
"""Written when a model has been judged: the execution before it in the key has trained."""
_SHOWN = 3


@dataclass(frozen=True)
class Landed:
    """A dataset, as the report on its data tells it.

    Attributes:
        version: Version of the dataset.
        until: ISO time of the newest row that landed, or of the newest row of the table that has come least
            far; None where nothing landed, or rows have no time.
        batches: Name and digest of each batch that counts.
    """

    version: str
    until: str | None
    batches: Sequence[Mapping[str, str]]

    @classmethod
    def of(cls, report: Mapping[str, Any]) -> "Landed":
        """Reads the report of the quality gate, `quality.json`."""
        tables = report["tables"]
        batches = [
            batch
            for table in tables
            for batch in table["batches"]
            if batch["digest"] and batch["state"] == "accepted"
        ]
        landed = max(_times(batches), key=moment, default=None)
        # The system's own source may know more than has landed, and one table may be ahead of another.
        until = None if landed is None else min([landed, *_times(tables)], key=moment)
        named = [{"name": batch["name"], "digest": batch["digest"]} for batch in batches]
        return cls(str(report["dataset_version"]), until, named)

    def why_not(self, before: str) -> str:
        """Why nothing is to be learned from the dataset; empty where something is.

        Args:
            before: Version of the dataset that was trained on last; empty where none was.
        """
        return f"dataset {self.version} is the one that was trained on last" if self.version == before else ""

    def sentence(self, before: str) -> str:
        """What is new, for people.

        Args:
            before: Version of the dataset that was trained on last; empty where none was.
        """
        names = [batch["name"] for batch in self.batches]
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        instead = f" instead of {before}" if before else ""
        return f"dataset {self.version}{instead}; landed: {', '.join(names[-_SHOWN:])}{more}"


def last_trained(cloud: Cloud, bucket: str) -> str:
    """Version of the dataset that was trained on last; empty where none was.

    Args:
        cloud: AWS.
        bucket: Bucket of the evaluations.
    """
    judged = [file for file in cloud.listed(bucket, EVALUATIONS) if file.key.endswith(DECISION)]
    newest = max(judged, key=lambda file: (file.written_at, file.key), default=None)
    if newest is None:
        return ""
    found = cloud.read(bucket, f"{newest.key.removesuffix(DECISION)}/plan/plan.json")
    return "" if found is None else str(found[0].get("dataset_version", ""))


def _times(items: Sequence[Mapping[str, Any]]) -> list[str]:
    return [item["newest"] for item in items if item["newest"] is not None]
