"""Turns the switches of a system: a new version of the flags, deployed at once."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from headway_cli.aws import Aws
from headway_cli.errors import HeadwayError, WrongUseError
from headway_cli.systems import System

TIMEOUT_S = 60.0
POLL_S = 0.2
_UNDER_WAY = ("BAKING", "VALIDATING", "DEPLOYING")


@dataclass(frozen=True)
class Flag:
    """One switch.

    Args:
        name: Its name.
        is_on: Whether it is on.
        says: What it switches.
    """

    name: str
    is_on: bool
    says: str


def read_flags(aws: Aws, system: System) -> tuple[Flag, ...]:
    """The switches of a system as they were deployed last.

    Raises:
        HeadwayError: The system has none.
    """
    document = _deployed(aws, _place(system))
    return tuple(
        Flag(name, bool(value["enabled"]), str(document["flags"].get(name, {}).get("description", "")))
        for name, value in sorted(document["values"].items())
    )


def turn_flag(
    aws: Aws,
    system: System,
    name: str,
    why: str,
    *,
    on: bool,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Turns a switch and waits until every new caller sees it.

    Args:
        aws: Clients of the stack's account.
        system: The system.
        name: The switch.
        why: Who turns it and why, kept with the deployment.
        on: Whether it is to be on.
        sleep: Waits between two looks.
        clock: Seconds from any start.

    Raises:
        WrongUseError: There is no such switch.
        HeadwayError: The system has no switches, or AppConfig does not deploy it.
    """
    place = _place(system)
    document = _deployed(aws, place)
    if name not in document["values"]:
        known = ", ".join(sorted(document["values"]))
        raise WrongUseError(f"there is no switch {name!r}; there is {known}")
    document["values"][name]["enabled"] = on
    appconfig = aws.client("appconfig")
    profile = {
        "ApplicationId": place["application_id"],
        "ConfigurationProfileId": place["profile_id"],
    }
    version = appconfig.create_hosted_configuration_version(
        **profile, ContentType="application/json", Content=json.dumps(document, sort_keys=True).encode()
    )["VersionNumber"]
    started = appconfig.start_deployment(
        **profile,
        EnvironmentId=place["environment_id"],
        DeploymentStrategyId=place["strategy_id"],
        ConfigurationVersion=str(version),
        Description=why[:1024],
    )
    state, deadline = started["State"], clock() + TIMEOUT_S
    while state in _UNDER_WAY:
        if clock() >= deadline:
            raise HeadwayError(f"the switch {name} is still {state} after {TIMEOUT_S:g} s; look again later")
        sleep(POLL_S)
        state = appconfig.get_deployment(
            ApplicationId=place["application_id"],
            EnvironmentId=place["environment_id"],
            DeploymentNumber=started["DeploymentNumber"],
        )["State"]
    if state != "COMPLETE":
        raise HeadwayError(f"the switch {name} was not turned: AppConfig says {state}")


def _place(system: System) -> Mapping[str, str]:
    if system.switch is None:
        raise HeadwayError(f"{system.name} has no switches yet; run `headway up` to renew the stack")
    return system.switch


def _deployed(aws: Aws, place: Mapping[str, str]) -> dict[str, Any]:
    """The flags that were deployed last, without what AppConfig adds to them."""
    appconfig = aws.client("appconfig")
    pages = appconfig.get_paginator("list_deployments").paginate(
        ApplicationId=place["application_id"], EnvironmentId=place["environment_id"]
    )
    done = [item for page in pages for item in page["Items"] if item["State"] in ("COMPLETE", *_UNDER_WAY)]
    if not done:
        raise HeadwayError("no switch was ever deployed; run `headway up`")
    newest = max(done, key=lambda item: int(item["DeploymentNumber"]))
    content = appconfig.get_hosted_configuration_version(
        ApplicationId=place["application_id"],
        ConfigurationProfileId=place["profile_id"],
        VersionNumber=int(newest["ConfigurationVersion"]),
    )["Content"].read()
    document = json.loads(content)
    return {
        key: {name: _ours(item) for name, item in document[key].items()} for key in ("flags", "values")
    } | {"version": document["version"]}


def _ours(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if not name.startswith("_")}
