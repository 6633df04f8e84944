"""Releases on a sandbox: real endpoints, real model packages, a real record."""

from dataclasses import replace

from headway_runtime.release.collector import Collector
from headway_runtime.release.machine import BEGIN, DONE, OBSERVE
from headway_runtime.release.records import Base
from headway_runtime.release.shapes import derive_shape
from support.example_system import CONTRACT
from support.release_world import World


def test_an_approved_model_comes_to_serve_and_the_record_says_so(world: World) -> None:
    package = world.package("one")

    progress = world.release(package)
    current = world.records.find("current")

    assert progress.release.status == "succeeded"
    assert progress.release.serving == progress.release.desired == world.serving()
    assert progress.release.previous == world.base.config
    assert current is not None
    assert (current.model_package_arn, current.serving) == (package, world.serving())


def test_releasing_what_serves_changes_nothing(world: World) -> None:
    package = world.package("one")
    world.release(package)
    before = world.serving()

    progress = world.release(package)

    assert (progress.release.status, world.serving()) == ("succeeded", before)


def test_a_step_may_be_repeated(world: World) -> None:
    """A function that died after it did its work is called again."""
    package = world.package("one")
    times = ("2026-02-01T00:00:00+00:00", "2026-02-01T00:00:01+00:00")

    first = world.machine.begin(package, *times)
    second = world.machine.begin(package, *times)

    assert first.next == OBSERVE
    assert second.next in (BEGIN, DONE)
    world.wait_in_service()
    assert world.machine.begin(package, *times).release.status == "succeeded"
    assert world.machine.observe(package, *times).release.status == "succeeded"


def test_a_model_that_does_not_start_is_rolled_back_and_recorded_as_failed(world: World) -> None:
    good = world.release(world.package("good")).release
    broken = world.package("broken", artifact=b"this is no archive")

    progress = world.release(broken)

    assert progress.release.status == "failed"
    assert progress.release.serving == world.serving() == good.serving
    assert progress.release.desired != progress.release.serving
    assert good.serving in progress.release.why


def test_a_model_of_another_contract_is_refused(world: World) -> None:
    progress = world.release(world.package("other", contract="sha256:other"))

    assert progress.release.status == "refused"
    assert "sha256:other" in progress.release.why
    assert world.serving() == world.base.config


def test_a_model_that_nobody_approved_is_refused(world: World) -> None:
    progress = world.release(world.package("pending", status="PendingManualApproval"))

    assert (progress.release.status, world.serving()) == ("refused", world.base.config)


def test_an_endpoint_in_the_middle_of_something_is_waited_for(world: World) -> None:
    first, second = world.package("one"), world.package("two")
    times = ("2026-02-01T00:00:00+00:00", "2026-02-01T00:00:01+00:00")

    assert world.machine.begin(first, *times).next == OBSERVE
    waiting = world.machine.begin(second, *times)
    assert (waiting.next, waiting.release.status) == (BEGIN, "running")
    progress = world.release(second)

    assert progress.release.status == "succeeded"


def test_the_last_two_shapes_stay_and_older_ones_go(world: World) -> None:
    served = []
    for noun in ("one", "two", "three"):
        served.append(world.release(world.package(noun)).release.serving)
        world.collector.after_release()

    there = set(world.catalogue.configs(world.settings.prefix))

    assert there == {world.base.config, *served[1:]}
    models = set(world.catalogue.models(world.settings.prefix))
    assert len(models) == 3


def test_what_a_deployment_has_just_made_is_left_alone(world: World) -> None:
    world.release(world.package("one"))
    fresh = world.config("second", "ml.m5.xlarge")

    world.collector.after_release()

    assert fresh in set(world.catalogue.configs(world.settings.prefix))


def test_a_changed_base_carries_the_serving_model_over(world: World) -> None:
    package = world.package("one")
    world.release(package)
    base = Base(config=world.config("second", "ml.m5.xlarge"), contract_digest=CONTRACT.digest())

    released = world.machine.declare(base)
    progress = world.release(package)
    world.collector.after_release()

    assert released == package
    config = world.catalogue.config(world.serving())
    assert config is not None
    assert config["ProductionVariants"][0]["InstanceType"] == "ml.m5.xlarge"
    description = world.catalogue.config(base.config)
    assert description is not None
    shape = derive_shape(world.settings.prefix, description, world.settings.role_arn, package)
    assert progress.release.serving == shape.name
    assert world.machine.declare(base) is None


def test_a_changed_base_moves_a_placeholder_too(world: World) -> None:
    base = Base(config=world.config("second", "ml.m5.xlarge"), contract_digest=CONTRACT.digest())

    assert world.machine.declare(base) == ""
    assert world.release("").release.serving == base.config


def test_a_machine_that_cannot_go_on_says_so_in_the_record(world: World) -> None:
    package = world.package("one")
    times = ("2026-02-01T00:00:00+00:00", "2026-02-01T00:00:01+00:00")

    world.machine.abandon(package, *times, cause="AccessDenied")
    current = world.records.find("current")

    assert current is not None
    assert (current.status, current.serving) == ("failed", world.base.config)
    assert "AccessDenied" in current.why


def test_nothing_is_collected_while_the_endpoint_is_there(world: World) -> None:
    assert world.collector.when_stack_goes() == []


def test_versions_are_kept_where_data_is(world: World) -> None:
    package = world.package("one")
    world.clients("sagemaker").delete_endpoint(EndpointName=world.settings.endpoint)
    world.wait_gone()
    settings = replace(world.settings, keep_versions="true")

    Collector(settings, world.catalogue, world.records).when_stack_goes()

    assert list(world.catalogue.packages(world.settings.group)) == [package]
    assert list(world.catalogue.configs(world.settings.prefix)) == []


def test_everything_is_collected_when_the_stack_goes(world: World) -> None:
    world.release(world.package("one"))
    world.clients("sagemaker").delete_endpoint(EndpointName=world.settings.endpoint)
    world.wait_gone()

    world.collector.when_stack_goes()

    assert list(world.catalogue.configs(world.settings.prefix)) == []
    assert list(world.catalogue.models(world.settings.prefix)) == []
    assert list(world.catalogue.packages(world.settings.group)) == []
