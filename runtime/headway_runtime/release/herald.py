"""Tells of every decision: an event for programs, a notice for people, a document for auditors."""

import json
from dataclasses import asdict
from typing import Any

from headway_runtime.release.records import Release
from headway_runtime.release.settings import Settings

SOURCE = "headway.release"
DETAIL_TYPE = "Headway Release Decision"
_SUBJECT_CHARACTERS = 100
"""SNS takes no longer subject."""
_TOLD_TO_PEOPLE = ("promoted", "rolled_back", "refused", "failed", "waiting")


class Herald:
    """Tells of decisions.

    Args:
        settings: What the stack says.
        events: A boto3 client of EventBridge.
        sns: A boto3 client.
        s3: A boto3 client.
    """

    def __init__(self, settings: Settings, events: Any, sns: Any, s3: Any) -> None:  # noqa: ANN401 - boto3 has no types
        self._settings = settings
        self._events = events
        self._sns = sns
        self._s3 = s3

    def tell(self, release: Release) -> None:
        """Tells of the newest decision about a release."""
        self.keep(release.release_id, "release.json", _text(asdict(release)).encode())
        detail = {
            "system": release.system,
            "release": release.release_id,
            "status": release.status,
            "desired": release.desired,
            "serving": release.serving,
            "why": release.why,
        }
        self._events.put_events(
            Entries=[
                {
                    "Source": SOURCE,
                    "DetailType": DETAIL_TYPE,
                    "Detail": _text(detail),
                    "Resources": [release.model_package_arn] if release.model_package_arn else [],
                }
            ]
        )
        if release.status in _TOLD_TO_PEOPLE and self._settings.topic_arn:
            self._sns.publish(
                TopicArn=self._settings.topic_arn,
                Subject=f"{release.system}: {release.status.replace('_', ' ')}"[:_SUBJECT_CHARACTERS],
                Message=f"{release.why}\n\nServing: {release.serving}\nRelease: {release.release_id}",
            )

    def keep(self, release_id: str, name: str, content: bytes) -> str:
        """Keeps a document about a release where auditors look; answers where.

        Args:
            release_id: The release.
            name: Name of the document.
            content: The document.
        """
        key = f"releases/{self._settings.prefix}/{release_id.replace(':', '')}/{name}"
        self._s3.put_object(Bucket=self._settings.audit_bucket, Key=key, Body=content)
        return f"s3://{self._settings.audit_bucket}/{key}"


def _text(document: object) -> str:
    return json.dumps(document, sort_keys=True)
