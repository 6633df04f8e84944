"""The switches of a system, turned by a person and read by whoever asks."""

import json

import pytest

from headway_cli.aws import Aws
from headway_cli.errors import WrongUseError
from headway_cli.flags import read_flags, turn_flag
from headway_cli.systems import System
from headway_runtime.serving_client import POLL_S, ServingClient, Switches, SwitchPlace
from support.release_world import ANSWERING, ROW, World

FLAGS = {
    "version": "1",
    "flags": {name: {"name": name} for name in ("challenger", "model")},
    "values": {name: {"enabled": True} for name in ("challenger", "model")},
}
CSV = "text/csv"


@pytest.fixture
def system(aws: Aws, world: World) -> System:
    """A system with switches, both on."""
    appconfig = aws.client("appconfig")
    application = appconfig.create_application(Name=world.settings.prefix)["Id"]
    environment = appconfig.create_environment(ApplicationId=application, Name="live")["Id"]
    profile = appconfig.create_configuration_profile(
        ApplicationId=application, Name="switches", LocationUri="hosted", Type="AWS.AppConfig.FeatureFlags"
    )["Id"]
    strategy = appconfig.create_deployment_strategy(
        Name=world.settings.prefix, DeploymentDurationInMinutes=0, FinalBakeTimeInMinutes=0, GrowthFactor=100
    )["Id"]
    version = appconfig.create_hosted_configuration_version(
        ApplicationId=application,
        ConfigurationProfileId=profile,
        ContentType="application/json",
        Content=json.dumps(FLAGS).encode(),
    )["VersionNumber"]
    appconfig.start_deployment(
        ApplicationId=application,
        EnvironmentId=environment,
        ConfigurationProfileId=profile,
        DeploymentStrategyId=strategy,
        ConfigurationVersion=str(version),
    )
    return System(
        name=world.settings.system,
        endpoint_name=world.settings.endpoint,
        base_endpoint_config_name=world.base.config,
        contract_digest="",
        switch={
            "application_id": application,
            "environment_id": environment,
            "profile_id": profile,
            "strategy_id": strategy,
        },
    )


class Clock:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def _switches(aws: Aws, system: System, clock: Clock) -> Switches:
    assert system.switch is not None
    place = SwitchPlace(
        application=system.switch["application_id"],
        environment=system.switch["environment_id"],
        profile=system.switch["profile_id"],
    )
    return Switches(aws.client("appconfigdata"), place, clock=clock)


def test_a_turned_switch_is_seen_without_a_deployment_of_the_stack(
    aws: Aws, world: World, system: System
) -> None:
    clock = Clock()
    client = ServingClient(
        aws.client("sagemaker-runtime"),
        _switches(aws, system, clock),
        system.endpoint_name,
        ANSWERING.contract(),
    )
    rows = f"{ROW}\n{ROW}".encode()
    before = client.ask(rows, CSV, CSV)

    turn_flag(aws, system, "model", "ada: it does harm", on=False)
    at_once = client.ask(rows, CSV, CSV).by
    clock.now += POLL_S
    off = client.ask(rows, CSV, CSV)
    turn_flag(aws, system, "model", "ada: it is well", on=True)
    clock.now += POLL_S

    assert (before.by, at_once, off.by) == ("champion", "champion", "fallback")
    assert [float(line) for line in off.body.decode().split()] == [0.2, 0.2]
    assert client.ask(rows, CSV, CSV).by == "champion"
    assert [flag.is_on for flag in read_flags(aws, system)] == [True, True]


def test_testers_meet_the_challenger_first_and_the_switch_takes_it_from_everybody(
    aws: Aws, world: World, system: System
) -> None:
    sagemaker = aws.client("sagemaker")
    base = sagemaker.describe_endpoint_config(EndpointConfigName=world.base.config)
    (variant,) = base["ProductionVariants"]
    variants = [
        {**variant, "VariantName": name, "InitialVariantWeight": weight}
        for name, weight in (("champion", 1.0), ("challenger", 0.0))
    ]
    name = f"{world.settings.prefix}-both"
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants)
    clock = Clock()
    runtime, switches = aws.client("sagemaker-runtime"), _switches(aws, system, clock)
    user, tester = (
        ServingClient(runtime, switches, system.endpoint_name, ANSWERING.contract(), is_tester=is_tester)
        for is_tester in (False, True)
    )
    alone = tester.ask(ROW.encode(), CSV, CSV).by
    sagemaker.update_endpoint(EndpointName=system.endpoint_name, EndpointConfigName=name)
    world.wait_in_service()

    both = [client.ask(ROW.encode(), CSV, CSV).by for client in (user, tester)]
    turn_flag(aws, system, "challenger", "ada: it does harm", on=False)
    clock.now += POLL_S
    off = [client.ask(ROW.encode(), CSV, CSV).by for client in (user, tester)]

    assert alone == "champion"
    assert both == ["champion", "challenger"]
    assert off == ["champion", "champion"]


def test_what_was_read_last_holds_while_nobody_answers(aws: Aws, world: World, system: System) -> None:
    clock = Clock()
    switches = _switches(aws, system, clock)
    turn_flag(aws, system, "model", "ada: it does harm", on=False)
    read = switches.is_on("model")
    assert system.switch is not None
    place = {"ApplicationId": system.switch["application_id"]}
    aws.client("appconfig").delete_environment(**place, EnvironmentId=system.switch["environment_id"])
    clock.now += POLL_S

    assert (read, switches.is_on("model"), switches.is_on("another")) == (False, False, True)


def test_a_switch_that_is_none_is_refused_with_those_there_are(
    aws: Aws, world: World, system: System
) -> None:
    with pytest.raises(WrongUseError, match="there is no switch 'modle'; there is challenger, model"):
        turn_flag(aws, system, "modle", "ada: a slip", on=False)
