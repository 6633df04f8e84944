"""The steps of a release: begin a move, and observe it until it is over. Every step may be repeated."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from headway_runtime.canonical import digest
from headway_runtime.release.catalogue import Catalogue, is_refusal, message_of
from headway_runtime.release.judge import FAILED, REFUSED, RUNNING, SUCCEEDED, Verdict, is_busy, judge
from headway_runtime.release.records import Base, Records, Release
from headway_runtime.release.settings import Settings
from headway_runtime.release.shapes import Shape, derive_shape

BEGIN = "begin"
OBSERVE = "observe"
DONE = "done"
"""Steps that can come next."""


@dataclass(frozen=True)
class Progress:
    """Where a release stands.

    Attributes:
        release: The release, as recorded.
        next: The step that comes next: begin again, observe, or done.
    """

    release: Release
    next: str


class ReleaseMachine:
    """Moves one endpoint from what serves to what is approved.

    Args:
        settings: What the stack says.
        catalogue: SageMaker.
        records: The record of releases.
    """

    def __init__(self, settings: Settings, catalogue: Catalogue, records: Records) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._records = records

    def begin(self, model_package_arn: str, started_at: str, now: str) -> Progress:
        """Starts to move the endpoint to a model package, or says why not.

        Args:
            model_package_arn: The package; empty for the declared base with its own model.
            started_at: Time at which the release began, ISO 8601.
            now: Time of this step, ISO 8601.

        Returns:
            Where the release stands; `begin` comes next while the endpoint is busy with something else.
        """
        release = self._release(model_package_arn, started_at, now)
        endpoint = self._catalogue.endpoint(self._settings.endpoint)
        if endpoint is None or is_busy(endpoint):
            return self._note(release, self._verdict(release, endpoint), endpoint, running=BEGIN)
        release = replace(release, previous=endpoint["EndpointConfigName"])
        base = self._records.base()
        if base is None:
            return self._note(
                release, Verdict(REFUSED, "the stack declares no base; deploy it again"), endpoint
            )
        refusal = self._refusal(model_package_arn, base)
        if refusal is not None:
            return self._note(release, Verdict(REFUSED, refusal), endpoint)
        shape = self._shape(base, model_package_arn)
        if shape is None:
            return self._note(release, Verdict(FAILED, f"the declared base {base.config} is gone"), endpoint)
        return self._move(replace(release, desired=shape.name), shape, endpoint)

    def observe(self, model_package_arn: str, started_at: str, now: str) -> Progress:
        """Looks whether a move is over; when it is, records what serves, as read back.

        Args:
            model_package_arn: The package that is released.
            started_at: Time at which the release began, ISO 8601.
            now: Time of this step, ISO 8601.
        """
        release = self._release(model_package_arn, started_at, now)
        endpoint = self._catalogue.endpoint(self._settings.endpoint)
        return self._note(release, self._verdict(release, endpoint), endpoint)

    def abandon(self, model_package_arn: str, started_at: str, now: str, cause: str) -> Progress:
        """Records that a release ended because the machine itself could not go on.

        Args:
            model_package_arn: The package that is released.
            started_at: Time at which the release began, ISO 8601.
            now: Time of this step, ISO 8601.
            cause: What went wrong.
        """
        release = self._release(model_package_arn, started_at, now)
        verdict = Verdict(FAILED, f"the release machine could not go on: {cause}")
        return self._note(release, verdict, self._catalogue.endpoint(self._settings.endpoint))

    def declare(self, base: Base) -> str | None:
        """Takes note of what the stack declares.

        Args:
            base: What the stack declares.

        Returns:
            The model package to release on the declared base, empty for the base's own model; None when the
            endpoint needs no move.
        """
        self._records.declare_base(base)
        endpoint = self._catalogue.endpoint(self._settings.endpoint)
        if endpoint is None:
            return None
        package = self._package_behind(endpoint["EndpointConfigName"])
        shape = self._shape(base, package)
        return None if shape is None or shape.name == endpoint["EndpointConfigName"] else package

    def _release(self, model_package_arn: str, started_at: str, now: str) -> Release:
        """The release as it was last recorded, else a new one."""
        release_id = f"{started_at}-{digest(model_package_arn)[-8:]}"
        known = self._records.find(release_id)
        if known is not None:
            return replace(known, at=now)
        return Release(
            system=self._settings.system,
            release_id=release_id,
            status=RUNNING,
            model_package_arn=model_package_arn,
            started_at=started_at,
            at=now,
        )

    def _verdict(self, release: Release, endpoint: Mapping[str, Any] | None) -> Verdict:
        elapsed_s = _seconds(release.started_at, release.at)
        return judge(endpoint, release.desired, elapsed_s, float(self._settings.maximum_s))

    def _note(
        self,
        release: Release,
        verdict: Verdict,
        endpoint: Mapping[str, Any] | None,
        running: str = OBSERVE,
    ) -> Progress:
        serving = "" if endpoint is None else endpoint["EndpointConfigName"]
        noted = replace(release, status=verdict.status, why=verdict.why, serving=serving)
        self._records.save(noted)
        return Progress(noted, running if verdict.status == RUNNING else DONE)

    def _move(self, release: Release, shape: Shape, endpoint: Mapping[str, Any]) -> Progress:
        if endpoint["EndpointConfigName"] == shape.name and endpoint["EndpointStatus"] == "InService":
            return self._note(release, Verdict(SUCCEEDED, f"{shape.name} serves already"), endpoint)
        moving = self._note(release, Verdict(RUNNING, f"moving to {shape.name}"), endpoint)
        try:
            if shape.model is not None:
                self._catalogue.ensure_model(shape.model)
            if shape.config is not None:
                self._catalogue.ensure_config(shape.config)
            self._catalogue.update_endpoint(self._settings.endpoint, shape.name)
        except ClientError as error:
            if not is_refusal(error):
                raise
            found = self._catalogue.endpoint(self._settings.endpoint)
            if found is not None and is_busy(found):
                # Somebody else was faster; what they began has to end first.
                return self._note(release, self._verdict(release, found), found, running=BEGIN)
            return self._note(release, Verdict(FAILED, message_of(error)), found)
        return moving

    def _refusal(self, model_package_arn: str, base: Base) -> str | None:
        """Why a model package must not serve; None when it may."""
        if not model_package_arn:
            return None
        package = self._catalogue.package(model_package_arn)
        if package is None:
            return "the model package is gone"
        status = package.get("ModelApprovalStatus")
        if status != "Approved":
            return f"the model package is {status}, not Approved"
        carried = package.get("CustomerMetadataProperties", {}).get("contract_digest")
        if carried != base.contract_digest:
            return (
                f"the model honours contract {carried}, the stack declares {base.contract_digest}; "
                "train the model again"
            )
        return None

    def _shape(self, base: Base, model_package_arn: str) -> Shape | None:
        description = self._catalogue.config(base.config)
        if description is None:
            return None
        return derive_shape(self._settings.prefix, description, self._settings.role_arn, model_package_arn)

    def _package_behind(self, config_name: str) -> str:
        """The model package that a configuration serves; empty when it serves a base's own model."""
        config = self._catalogue.config(config_name)
        variants = [] if config is None else config["ProductionVariants"]
        for variant in variants:
            model = self._catalogue.model(variant["ModelName"])
            container = {} if model is None else model.get("PrimaryContainer", {})
            if "ModelPackageName" in container:
                return str(container["ModelPackageName"])
        return ""


def _seconds(started_at: str, now: str) -> float:
    return (datetime.fromisoformat(now) - datetime.fromisoformat(started_at)).total_seconds()
