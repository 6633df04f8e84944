"""What a release is made of: the models, the shapes of the endpoint, and whether it may begin at all."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from headway_runtime.canonical import digest
from headway_runtime.judge.plan import SHADOW
from headway_runtime.release.catalogue import Catalogue
from headway_runtime.release.course import Live, Position, Target
from headway_runtime.release.plan import Plan
from headway_runtime.release.records import Base, Records, Release
from headway_runtime.release.settings import Settings
from headway_runtime.release.shapes import CHALLENGER, CHAMPION, Shape, alone, derive_model, shadowed, split

_LARGEST_SHARE = 99.0
"""A shape in which both answer leaves the champion something, so that its weight can go back up."""


class Preparation:
    """Knows what a release is made of.

    Args:
        settings: What the stack says.
        catalogue: SageMaker.
        records: The record of releases.
    """

    def __init__(self, settings: Settings, catalogue: Catalogue, records: Records) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._records = records

    def prepared(self, release: Release, live: Live, plan: Plan) -> Release:
        """Makes model and shapes; what is there already is left as it is."""
        prefix = self._settings.prefix
        base = self._declared()
        package = self._catalogue.package(release.model_package_arn) if release.model_package_arn else None
        champion = self.champion_of(live.config)
        challenger = self.model(base, release.model_package_arn)
        home, goal = alone(prefix, base, champion), alone(prefix, base, challenger)
        shapes = [home, goal]
        if champion != challenger:
            shapes.append(split(prefix, base, champion, challenger, _first_share(plan)))
            if plan.shadow_sampling_percent is not None:
                shapes.append(shadowed(prefix, base, champion, challenger, plan.shadow_sampling_percent))
        for shape in shapes:
            if shape.config is not None:
                self._catalogue.ensure_config(shape.config)
        return replace(
            release,
            base=str(base["EndpointConfigName"]),
            previous=home.name,
            desired=goal.name,
            champion=champion,
            challenger=challenger,
            over_placeholder=not self.package_behind(champion),
            model_digest="" if package is None else model_digest(package),
            shapes=tuple(dict.fromkeys([live.config, *(shape.name for shape in shapes)])),
        )

    def target(self, release: Release, position: Position, stage: int, plan: Plan) -> Target:
        """What the endpoint should be at a position of a release."""
        base = self._catalogue.config(release.base)
        assert base is not None, release.base
        prefix = self._settings.prefix
        home = alone(prefix, base, release.champion)
        if position in (Position.BASELINE, Position.ROLL_BACK):
            return _as_target(home)
        if position is Position.PROMOTE:
            return _as_target(alone(prefix, base, release.challenger))
        if plan.is_shadow(stage):
            share = plan.shadow_sampling_percent
            assert share is not None
            return _as_target(shadowed(prefix, base, release.champion, release.challenger, share))
        shape = split(prefix, base, release.champion, release.challenger, _first_share(plan))
        percent = plan.challenger_percent(stage)
        return Target(config=shape.name, weights={CHAMPION: 100 - percent, CHALLENGER: percent})

    def refusal(self, release: Release, plan: Plan) -> str | None:
        """Why a release must not begin; None when it may."""
        base = self._records.base()
        if base is None:
            return "the stack declares no base; deploy it again"
        if self._catalogue.config(base.config) is None:
            return f"the declared base {base.config} is gone; deploy the stack again"
        if not release.model_package_arn:
            return None
        package = self._catalogue.package(release.model_package_arn)
        return (
            "the model package is gone"
            if package is None
            else self._package_refusal(release, package, base, plan)
        )

    def _package_refusal(
        self, release: Release, package: Mapping[str, Any], base: Base, plan: Plan
    ) -> str | None:
        status = package.get("ModelApprovalStatus")
        if status != "Approved":
            return f"the model package is {status}, not Approved"
        carried = package.get("CustomerMetadataProperties", {}).get("contract_digest")
        if carried != base.contract_digest:
            return (
                f"the model honours contract {carried}, the stack declares {base.contract_digest}; "
                "train the model again"
            )
        rejected = self._records.rejection(model_digest(package))
        if rejected is None or release.override.partition(":")[0] in plan.overridden_by:
            return None
        return (
            f"this model was rolled back before ({rejected}); change it, or have it overridden with a reason"
        )

    def _declared(self) -> dict[str, Any]:
        """The declared base, as SageMaker describes it."""
        base = self._records.base()
        description = None if base is None else self._catalogue.config(base.config)
        if description is None:
            raise LookupError("the declared base is gone; deploy the stack again")
        return description

    def cooling(self, release: Release, plan: Plan) -> str | None:
        """Why it is too early for another release; None when it is not."""
        ended = [item.at for item in self._records.all() if item.is_over and item.position != "begin"]
        if not ended or release.override:
            return None
        until = datetime.fromisoformat(max(ended)) + timedelta(seconds=plan.cool_down_s)
        if datetime.fromisoformat(release.at) >= until:
            return None
        return f"cools down after the last release until {until.isoformat(timespec='seconds')}"

    def live(self) -> Live | None:
        """What the endpoint is; None when it is gone."""
        endpoint = self._catalogue.endpoint(self._settings.endpoint)
        if endpoint is None:
            return None
        return Live(
            state=endpoint["EndpointStatus"],
            config=endpoint["EndpointConfigName"],
            weights=_weights_of(endpoint),
            reason=endpoint.get("FailureReason", ""),
        )

    def model(self, base: Mapping[str, Any], model_package_arn: str) -> str:
        """The model of a package, made if it is missing; the base's own without one."""
        own = str(base["ProductionVariants"][0]["ModelName"])
        if not model_package_arn:
            return own
        description = self._catalogue.model(own)
        request = derive_model(
            self._settings.prefix,
            {} if description is None else description,
            self._settings.role_arn,
            model_package_arn,
        )
        self._catalogue.ensure_model(request)
        return str(request["ModelName"])

    def champion_of(self, config_name: str) -> str:
        """The model that answers users in a configuration: the heaviest variant's."""
        config = self._catalogue.config(config_name)
        variants = [] if config is None else config["ProductionVariants"]
        named = [variant for variant in variants if variant["VariantName"] == CHAMPION]
        return str((named + variants)[0]["ModelName"]) if variants else ""

    def package_behind(self, model_name: str) -> str:
        """The model package that a model was made of; empty for a base's own model."""
        model = self._catalogue.model(model_name)
        container = {} if model is None else model.get("PrimaryContainer", {})
        return str(container.get("ModelPackageName", ""))


def model_digest(package: Mapping[str, Any]) -> str:
    """What a model package holds, by which a rejected model is known again under another version."""
    containers = package.get("InferenceSpecification", {}).get("Containers", [])
    held = {
        "containers": [
            {
                key: item[key]
                for key in ("ImageDigest", "Image", "ModelDataUrl", "ModelDataETag")
                if key in item
            }
            for item in containers
        ],
        "metadata": package.get("CustomerMetadataProperties", {}),
    }
    return digest(held)


def _first_share(plan: Plan) -> float:
    """The challenger's share when the shape in which both answer is made; none before testers."""
    first = next(stage for stage in plan.judge.stages if stage.name != SHADOW)
    return min(first.challenger_percent, _LARGEST_SHARE)


def _as_target(shape: Shape) -> Target:
    return Target(config=shape.name, weights=shape.weights)


def _weights_of(endpoint: Mapping[str, Any]) -> dict[str, float]:
    return {
        item["VariantName"]: float(item.get("CurrentWeight", 0.0))
        for item in endpoint.get("ProductionVariants", [])
    }
