"""How a release reads, for programs and for people."""

from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from headway_cli.commands.traffic import FAULTS, Fault
from headway_cli.errors import WrongUseError
from headway_cli.main import application
from headway_cli.release import is_settled, parse_release
from headway_cli.release_view import history_text, release_document, release_text, stage_name
from headway_cli.traffic import as_csv
from headway_components import ReleasePlan
from headway_runtime.release.plan import Plan
from headway_runtime.release.records import Release
from headway_sandbox.fault_rules import checked

PLAN = Plan.from_document(ReleasePlan().document())
RELEASE = Release(
    system="flight-delay",
    release_id="2026-02-01T00:00:00+00:00-a",
    status="running",
    model_package_arn="arn:package/2",
    position="stage",
    stage=1,
    desired="shape-b",
    serving="shape-a",
    weights={"champion": 99.0, "challenger": 1.0},
    arrived_at="2026-02-01T00:00:00+00:00",
    observations=[{"stage": 1, "challenger_requests": 250}],
    metrics=[
        {
            "metric": "errors",
            "standing": "no_worse",
            "why": "challenger errors 0 of 250 against 1 of 9,000",
            "ratio": 1.25,
            "log_evidence": 0.0,
            "log_threshold": 5.0,
        },
        {"metric": "divergence", "standing": "open", "why": "no pairs", "ratio": None, "log_evidence": None},
    ],
    history=[{"at": "2026-02-01T00:00:00+00:00", "what": "to 1", "why": "the shadow passed"}],
    why="measuring",
)
LATER = datetime(2026, 2, 1, 0, 10, tzinfo=UTC)


def test_programs_get_the_same_keys_whatever_there_is() -> None:
    keys = ["system", "phase", "stage", "weights", "desired", "serving", "why", "metrics", "history"]

    nothing, running = (release_document("flight-delay", item, PLAN) for item in (None, RELEASE))

    assert list(nothing) == list(running) == keys
    assert (nothing["phase"], running["phase"], running["stage"]) == ("none", "running", "1")


@pytest.mark.parametrize(
    ("position", "stage", "named"),
    [("begin", 0, "begin"), ("stage", 0, "shadow"), ("stage", 5, "100"), ("stage", 9, "9")],
)
def test_a_stage_has_the_name_that_the_plan_gives_it(position: str, stage: int, named: str) -> None:
    assert stage_name(replace(RELEASE, position=position, stage=stage), PLAN) == named


@pytest.mark.parametrize(
    "says",
    [
        "champion 99 %",
        "250 of 500 answered by the challenger",
        "time left             50 min",
        "1.25 ×",
        "e-value 1, worse from 148",
        "divergence            open: no pairs",
    ],
)
def test_people_see_weights_samples_time_and_evidence(says: str) -> None:
    assert says in release_text(RELEASE, PLAN, LATER)


def test_a_release_that_is_over_has_no_time_left() -> None:
    assert "time left" not in release_text(replace(RELEASE, status="promoted"), PLAN, LATER)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["--fault", "wrong", "--stack", "prod"],
            "--fault is for the sandbox; the stack prod has real users",
        ),
        (["--where", ",EWR,"], "--where says which requests meet a --fault; give one"),
        (["--fault", "crash", "--on", "shadow"], "--on is 'shadow'; it must be champion or challenger"),
    ],
)
def test_a_fault_that_cannot_be_rehearsed_is_refused(arguments: list[str], says: str) -> None:
    refused = CliRunner().invoke(application(["traffic"]), ["traffic", "replay", *arguments])

    assert isinstance(refused.exception, WrongUseError)
    assert says in str(refused.exception)


@pytest.mark.parametrize(
    ("carrier", "line"), [("UA", "UA,1.5,EWR"), ("U,A", '"U,A",1.5,"EWR"'), ('"', '"""",1.5,"EWR"')]
)
def test_rows_are_quoted_where_they_need_it(carrier: str, line: str) -> None:
    assert as_csv(pa.table({"carrier": [carrier], "speed": [1.5], "origin": ["EWR"]})) == [line]


@pytest.mark.parametrize("name", ["latency", "errors", "wrong", "crash", "silent"])
def test_the_sandbox_knows_every_fault(name: str) -> None:
    document = FAULTS[Fault(name)]

    made = checked({"kind": "worker", "endpoint": "fraud", "variant": "challenger", **document})

    assert {key: value for key, value in made.items() if key in document} == document


@pytest.mark.parametrize(
    ("status", "cause", "package", "is_done"),
    [
        ("promoted", "", "p", True),
        ("running", "", "p", False),
        ("refused", "", "p", True),
        ("failed", "", "p", False),
        ("rolled_back", "worse", "p", True),
        ("rolled_back", "ordered", "p", True),
        ("rolled_back", "not_started", "p", True),
        ("rolled_back", "abandoned", "p", False),
        ("rolled_back", "inconclusive", "p", False),
        ("failed", "worse", "p", True),
        ("promoted", "", "another", False),
    ],
)
def test_up_leaves_alone_what_serves_or_was_turned_down(
    status: str, cause: str, package: str, *, is_done: bool
) -> None:
    item = {"release_id": "r", "status": status, "cause": cause, "model_package_arn": package}
    record = parse_release({name: {"S": value} for name, value in item.items()})

    assert is_settled(record, "p") is is_done
    assert not is_settled(None, "p")


def test_history_names_every_decision() -> None:
    assert "to 1: the shadow passed" in history_text([RELEASE])
    assert history_text([]) == release_text(None, PLAN, LATER) == "nothing was released yet"
