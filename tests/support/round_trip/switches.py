"""AppConfig: what a kill switch is made of."""

from __future__ import annotations

import json
from typing import Any

from support.round_trip.case import Case

A = "aws:appconfig/"


def _application(client: Any, resource_id: str, _outputs: Any) -> None:
    client("appconfig").update_application(ApplicationId=resource_id, Description="other")


def _environment(client: Any, _id: str, outputs: Any) -> None:
    client("appconfig").update_environment(
        ApplicationId=outputs["applicationId"], EnvironmentId=outputs["environmentId"], Description="other"
    )


def _profile(client: Any, _id: str, outputs: Any) -> None:
    client("appconfig").update_configuration_profile(
        ApplicationId=outputs["applicationId"],
        ConfigurationProfileId=outputs["configurationProfileId"],
        Description="other",
    )


def _strategy(client: Any, resource_id: str, _outputs: Any) -> None:
    client("appconfig").update_deployment_strategy(DeploymentStrategyId=resource_id, Description="other")


CASES = (
    Case(
        "application",
        f"{A}application:Application",
        lambda _: {"description": "one", "tags": {"n": "1", "gone": "1"}},
        changed=lambda _: {"name": "renamed", "description": None, "tags": {"n": "2"}},
        outside=_application,
    ),
    Case("otherApplication", f"{A}application:Application", lambda _: {"name": "other"}),
    Case(
        "environment",
        f"{A}environment:Environment",
        lambda made: {"application_id": made.application.id, "description": "one", "tags": {"n": "1"}},
        changed=lambda _: {"description": "two", "tags": {"n": "2"}},
        outside=_environment,
    ),
    Case(
        "otherEnvironment",
        f"{A}environment:Environment",
        lambda made: {"application_id": made.application.id},
        replaced=lambda made: {"application_id": made.otherApplication.id},
    ),
    Case(
        "profile",
        f"{A}configurationProfile:ConfigurationProfile",
        lambda made: {
            "application_id": made.application.id,
            "location_uri": "hosted",
            "validators": [{"type": "JSON_SCHEMA", "content": json.dumps({"type": "object"})}],
            "tags": {"n": "1"},
        },
        changed=lambda _: {"description": "two", "validators": [], "tags": {"n": "2"}},
        outside=_profile,
    ),
    Case(
        "otherProfile",
        f"{A}configurationProfile:ConfigurationProfile",
        lambda made: {"application_id": made.application.id, "location_uri": "hosted"},
        replaced=lambda _: {"location_uri": "ssm-parameter://switch"},
    ),
    Case(
        "version",
        f"{A}hostedConfigurationVersion:HostedConfigurationVersion",
        lambda made: {
            "application_id": made.application.id,
            "configuration_profile_id": made.profile.configuration_profile_id,
            "content": json.dumps({"serve": True}),
            "content_type": "application/json",
        },
        replaced=lambda _: {"content": json.dumps({"serve": False})},
    ),
    Case(
        "strategy",
        f"{A}deploymentStrategy:DeploymentStrategy",
        lambda _: {
            "deployment_duration_in_minutes": 0,
            "final_bake_time_in_minutes": 0,
            "growth_factor": 100,
            "replicate_to": "NONE",
            "tags": {"n": "1"},
        },
        changed=lambda _: {"growth_factor": 50, "description": "two", "tags": {"n": "2"}},
        replaced=lambda _: {"name": "other"},
        outside=_strategy,
    ),
    Case(
        "rollout",
        f"{A}deployment:Deployment",
        lambda made: {
            "application_id": made.application.id,
            "environment_id": made.environment.environment_id,
            "configuration_profile_id": made.profile.configuration_profile_id,
            "configuration_version": made.version.version_number.apply(str),
            "deployment_strategy_id": made.strategy.id,
            "description": "one",
            "tags": {"n": "1"},
        },
        changed=lambda _: {"tags": {"n": "2"}},
        replaced=lambda _: {"description": "two"},
        stays=True,
    ),
)
