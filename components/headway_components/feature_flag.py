"""FeatureFlag: the switches that take a model away from users within seconds, without a deployment."""

import json
from dataclasses import dataclass

import pulumi
from pulumi_aws import appconfig

from headway_components._args import Args
from headway_components._refs import FeatureFlagRef, FoundationRef

FLAGS = {
    "challenger": "Whether a model that is being released may answer users; off: the champion answers all",
    "model": "Whether a model answers at all; off: the answer that the contract declares",
}


@dataclass(frozen=True, kw_only=True)
class FeatureFlagArgs(Args):
    """Arguments of a FeatureFlag."""

    foundation: FoundationRef
    """The system that is switched."""


class FeatureFlag(pulumi.ComponentResource):
    """The switches of a system, which whoever asks its endpoint reads."""

    application_id: pulumi.Output[str]
    """Id of the application in AppConfig."""

    def __init__(self, name: str, args: FeatureFlagArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = FeatureFlagArgs.of(args)
        super().__init__("headway:index:FeatureFlag", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        application = appconfig.Application(
            name,
            name=args.foundation.prefix,
            description=f"Switches of {args.foundation.prefix}",
            opts=child,
        )
        environment = appconfig.Environment(
            f"{name}-environment", application_id=application.id, name=args.foundation.prefix, opts=child
        )
        profile = appconfig.ConfigurationProfile(
            f"{name}-profile",
            application_id=application.id,
            name=args.foundation.prefix,
            location_uri="hosted",
            type="AWS.AppConfig.FeatureFlags",
            opts=child,
        )
        # Whoever turns a switch adds versions, which an update of the stack leaves alone.
        version = appconfig.HostedConfigurationVersion(
            f"{name}-declared",
            application_id=application.id,
            configuration_profile_id=profile.configuration_profile_id,
            content_type="application/json",
            content=json.dumps(_document(), sort_keys=True),
            opts=child,
        )
        strategy = appconfig.DeploymentStrategy(
            f"{name}-at-once",
            name=args.foundation.prefix,
            deployment_duration_in_minutes=0,
            final_bake_time_in_minutes=0,
            growth_factor=100,
            replicate_to="NONE",
            opts=child,
        )
        appconfig.Deployment(
            f"{name}-deployment",
            application_id=application.id,
            environment_id=environment.environment_id,
            configuration_profile_id=profile.configuration_profile_id,
            configuration_version=version.version_number.apply(str),
            deployment_strategy_id=strategy.id,
            opts=child,
        )
        self.application_id = application.id
        self.profile_id = profile.configuration_profile_id
        self.ref = FeatureFlagRef(
            application_id=application.id,
            environment_id=environment.environment_id,
            profile_id=profile.configuration_profile_id,
            strategy_id=strategy.id,
        )
        self.register_outputs({"applicationId": self.application_id})


def _document() -> dict[str, object]:
    """The switches as AppConfig reads feature flags: all on."""
    return {
        "version": "1",
        "flags": {name: {"name": name, "description": text} for name, text in FLAGS.items()},
        "values": {name: {"enabled": True} for name in FLAGS},
    }
