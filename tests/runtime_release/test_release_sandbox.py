"""Releases on a sandbox: real endpoints, real model packages, a real record."""

from dataclasses import replace

from headway_components import LadderStage, ReleasePlan, ShadowStage
from headway_runtime.release.collector import Collector
from headway_runtime.release.plan import Plan
from headway_runtime.release.records import Base, Order, Release
from support.example_system import CONTRACT
from support.release_world import World, until

STAGES = Plan.from_document(
    ReleasePlan(
        shadow=ShadowStage(samples=30, time_limit_s=60),
        ladder=[LadderStage(percent=25, samples=20, time_limit_s=60), LadderStage(percent=100, samples=20)],
        divergence_slices=["country"],
    ).document()
)


def test_an_approved_model_comes_to_serve_and_the_record_says_so(world: World) -> None:
    package = world.package("one")

    progress = world.release(package)
    current = world.records.find("current")

    assert progress.release.status == "promoted"
    assert progress.release.serving == progress.release.desired == world.serving()
    assert progress.release.previous == world.base.config
    assert current is not None
    assert (current.model_package_arn, current.serving) == (package, world.serving())


def test_releasing_what_serves_changes_nothing(world: World) -> None:
    package = world.package("one")
    world.release(package)
    before = world.serving()

    progress = world.release(package)

    assert (progress.release.status, world.serving()) == ("promoted", before)


def test_a_step_may_be_repeated(world: World) -> None:
    """A function that died after it did its work is called again."""
    package = world.package("one")
    started_at = "2026-02-01T00:00:00+00:00"

    first, second = (world.machine.advance(package, started_at, started_at) for _ in range(2))

    assert first.release.position == second.release.position == "baseline"
    assert list(second.release.history) == list(first.release.history)


def test_a_model_that_does_not_start_is_rolled_back_and_not_tried_again(world: World) -> None:
    broken = world.package("broken", artifact=b"this is no archive")

    first = world.release(broken).release
    again = world.release(broken, traffic=False).release
    overridden = world.machine.advance(
        broken, "2026-02-01T00:00:00+00:00", "2026-02-01T00:00:01+00:00", "ada: try"
    )

    assert (first.status, first.serving) == ("rolled_back", world.base.config)
    assert "SageMaker went back to" in first.why
    assert (again.status, "rolled back before" in again.why) == ("refused", True)
    assert overridden.release.position == "baseline"


def test_without_users_nobody_is_promoted(world: World) -> None:
    world.plan = replace(
        STAGES,
        judge=replace(STAGES.judge, stages=[replace(item, time_limit_s=2) for item in STAGES.judge.stages]),
    )
    package = world.package("one")

    release = world.release(package, traffic=False).release

    assert (release.status, release.serving) == ("rolled_back", world.base.config)
    assert "the champion has answered too few requests" in release.why
    assert _is_let_begin_again(world, package)


def _is_let_begin_again(world: World, package: str) -> bool:
    """Whether another release of a model gets beyond what refuses one that was turned down."""
    later = "2099-01-01T00:00:00+00:00"
    return world.machine.advance(package, later, later).release.position == "baseline"


def test_a_model_of_another_contract_is_refused(world: World) -> None:
    progress = world.release(world.package("other", contract="sha256:other"))

    assert progress.release.status == "refused"
    assert "sha256:other" in progress.release.why
    assert world.serving() == world.base.config


def test_a_model_that_nobody_approved_is_refused(world: World) -> None:
    progress = world.release(world.package("pending", status="PendingManualApproval"))

    assert (progress.release.status, world.serving()) == ("refused", world.base.config)


def test_two_releases_never_overlap(world: World) -> None:
    first, second = world.package("one"), world.package("two")
    began = world.machine.advance(first, "2026-02-01T00:00:00+00:00", "2026-02-01T00:00:00+00:00").release
    waiting = world.machine.advance(second, "2026-02-02T00:00:00+00:00", "2026-02-02T00:00:00+00:00").release

    assert waiting.status == "waiting"
    assert waiting.why == f"{began.release_id} goes first"


def test_those_that_wait_begin_in_the_order_in_which_they_were_approved(world: World) -> None:
    packages = [world.package(noun) for noun in ("one", "two", "three")]
    times = [f"2026-02-01T00:00:0{second}+00:00" for second in (1, 2, 3)]

    def step(number: int) -> Release:
        return world.machine.advance(packages[number], times[number], times[2]).release

    first, second, _ = (step(number) for number in range(3))
    world.records.give_order(Order(release_id=first.release_id, what="rollback", by="ada", why="enough"))
    until(lambda: step(0).is_over)
    early, began = step(2), step(1)

    assert (early.status, early.why) == ("waiting", f"{second.release_id} goes first")
    assert (began.status, began.position) == ("running", "baseline")


def test_a_person_turns_a_release_back_and_only_a_person_lets_it_begin_again(world: World) -> None:
    package, times = world.package("one"), ("2026-02-01T00:00:00+00:00", "2026-02-01T00:00:01+00:00")
    release = world.machine.advance(package, *times).release
    world.records.give_order(Order(release_id=release.release_id, what="rollback", by="eve", why="a holiday"))

    world.machine.advance(package, *times)
    over = world.machine.advance(package, *times).release
    refused = world.release(package, traffic=False).release
    overridden = world.release(package, override="ada: it is over").release

    assert (over.status, "eve says rollback: a holiday" in over.why) == ("rolled_back", True)
    assert (refused.status, "rolled back before (eve says rollback: a holiday)" in refused.why) == (
        "refused",
        True,
    )
    assert overridden.status == "promoted"
    assert world.records.rejection(overridden.model_digest) is None


def test_a_pause_holds_a_release_until_it_is_resumed_and_no_longer_than_the_plan_allows(world: World) -> None:
    package, began = world.package("one"), "2026-02-01T00:00:00+00:00"
    release = world.machine.advance(package, began, began).release
    world.records.give_order(Order(release_id=release.release_id, what="pause", by="eve", why="a holiday"))

    paused = world.machine.advance(package, began, "2026-02-01T00:00:01+00:00").release
    world.records.give_order(Order(release_id=release.release_id, what="resume", by="eve", why="it is over"))
    resumed = world.machine.advance(package, began, "2026-02-01T00:00:02+00:00").release
    world.records.give_order(Order(release_id=release.release_id, what="pause", by="eve", why="a year off"))
    late = world.machine.advance(package, began, "2027-02-01T00:00:00+00:00").release

    assert (paused.status, paused.why) == ("waiting", "eve says pause: a holiday")
    assert (resumed.status, resumed.position) == ("running", "baseline")
    assert late.position == "roll_back"


def test_only_those_named_in_the_plan_end_a_stage_by_hand(world: World) -> None:
    """The release goes by the ladder that it began with, and asks for its people what is declared now."""
    world.plan = STAGES
    package = world.package("one")
    with world.callers():
        started_at = world.begin(package)
        until(lambda: world.step(package, started_at).position == "stage")
    release_id = world.step(package, started_at).release_id
    until(lambda: world.step(package, started_at).arrived_at != "")
    stages = []
    for somebody in ("eve", "ada"):
        shorter = replace(STAGES.judge, stages=STAGES.judge.stages[-1:])
        world.plan = replace(STAGES, judge=shorter, overridden_by=["ada"])
        world.records.give_order(Order(release_id=release_id, what="accept", by=somebody, why="I looked"))
        stages.append(world.step(package, started_at).stage)

    assert stages == [0, 1]


def test_a_release_that_lost_its_execution_is_turned_back_by_the_next(world: World) -> None:
    first, second = world.package("one"), world.package("two")
    with world.callers():
        started_at = world.begin(first)
        until(lambda: world.step(first, started_at).position == "stage")
    later = "2099-01-01T00:00:00+00:00"

    def done() -> bool:
        release = world.machine.advance(second, later, later).release
        return "goes first" not in release.why

    until(done)
    ended = next(item for item in world.records.all() if item.started_at == started_at)

    assert ended.status == "rolled_back"
    assert "the execution that moved it has ended" in ended.why
    assert world.records.rejection(ended.model_digest) is None
    assert world.serving() == world.base.config


def test_a_release_whose_execution_goes_on_is_left_alone_however_long_it_takes(world: World) -> None:
    first, second = world.package("one"), world.package("two")
    began, later = "2026-02-01T00:00:00+00:00", "2026-02-01T01:00:00+00:00"
    world.machine.advance(first, began, began, execution="arn:first")

    patient = world.machine.advance(second, later, later, execution="arn:second").release
    left_alone = world.records.find(patient.why.split()[0])
    world.ended.add("arn:first")
    until(lambda: world.machine.advance(second, later, later).release.status == "running")
    turned_back = world.records.all()[-1]

    assert (patient.status, left_alone and left_alone.status) == ("waiting", "running")
    assert (turned_back.execution, turned_back.status) == ("arn:first", "rolled_back")


def test_the_last_two_shapes_stay_and_older_ones_go_but_for_what_a_deployment_has_just_made(
    world: World,
) -> None:
    served = []
    for noun in ("one", "two", "three"):
        served.append(world.release(world.package(noun)).release.serving)
        fresh = world.config("second", "ml.m5.xlarge") if noun == "three" else world.base.config
        world.collector.after_release()

    there = set(world.catalogue.configs(world.settings.prefix))

    assert there == {world.base.config, fresh, *served[1:]}
    models = set(world.catalogue.models(world.settings.prefix))
    assert len(models) == 4


def test_a_changed_base_carries_the_serving_model_over(world: World) -> None:
    package = world.package("one")
    world.release(package)
    base = Base(config=world.config("second", "ml.m5.xlarge"), contract_digest=CONTRACT.digest())

    released = world.machine.declare(base)
    progress = world.release(package)
    world.collector.after_release()

    assert (released, progress.release.status) == (package, "promoted")
    config = world.catalogue.config(world.serving())
    assert config is not None
    assert config["ProductionVariants"][0]["InstanceType"] == "ml.m5.xlarge"
    assert world.machine.declare(base) is None


def test_a_changed_base_moves_a_placeholder_too(world: World) -> None:
    base = Base(config=world.config("second", "ml.m5.xlarge"), contract_digest=CONTRACT.digest())

    assert world.machine.declare(base) == ""
    assert world.release("").release.serving == base.config


def test_a_machine_that_cannot_go_on_says_so_in_the_record(world: World) -> None:
    package = world.package("one")
    times = ("2026-02-01T00:00:00+00:00", "2026-02-01T00:00:01+00:00")

    world.machine.advance(package, *times)
    world.machine.abandon(package, *times, cause="AccessDenied")
    world.machine.abandon(package, *times, cause="AccessDenied")
    current = world.records.find("current")

    assert current is not None
    assert (current.status, current.serving) == ("rolled_back", world.base.config)
    assert "AccessDenied" in current.why
    assert _is_let_begin_again(world, package)


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
