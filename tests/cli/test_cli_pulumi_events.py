"""The engine's events, folded into what a person reads."""

from typing import Any

from headway_cli.pulumi_events import Tally, in_words

URN = "urn:pulumi:local::headway::headway:index:Foundation$aws:s3/bucket:Bucket::data"


def _tally(*events: dict[str, Any]) -> Tally:
    tally = Tally()
    for event in events:
        tally.apply({"sequence": 0, "timestamp": 0, **event})
    return tally


def _summary(preview: bool, **changes: int) -> dict[str, Any]:
    return {"summaryEvent": {"isPreview": preview, "resourceChanges": changes}}


def _done(operation: str, type_: str = "aws:s3/bucket:Bucket") -> dict[str, Any]:
    return {"resOutputsEvent": {"metadata": {"op": operation, "urn": URN, "type": type_}}}


def _policy(level: str, message: str) -> dict[str, Any]:
    return {"policyEvent": {"enforcementLevel": level, "message": message, "resourceUrn": URN}}


def test_progress_counts_what_the_preview_announced() -> None:
    preview = [_done("create"), _done("same"), _summary(True, create=2, same=1)]

    assert _tally().progress() == "planning"
    assert _tally(*preview).progress() == "0 of 3 resources"
    assert _tally(*preview, _done("create"), _done("same")).progress() == "2 of 3 resources"


def test_the_outcome_is_what_the_update_changed() -> None:
    update = [_summary(True, create=2), _summary(False, create=2, update=1, same=30)]

    assert _tally(*update).outcome() == {"created": 2, "unchanged": 30, "updated": 1}
    assert in_words(_tally(*update).outcome()) == "2 created, 30 unchanged, 1 updated"
    assert in_words(_tally().outcome()) == "nothing to do"


def test_progress_counts_a_replacement_once_and_no_provider() -> None:
    preview = [_summary(True, replace=1)]
    parts = [_done("create-replacement"), _done("replace"), _done("delete-replaced")]
    provider = _done("create", "pulumi:providers:aws")

    assert _tally(*preview, *parts, provider).progress() == "1 of 1 resources"


def test_preview_and_update_say_the_same_and_it_is_told_once() -> None:
    error = {
        "diagnosticEvent": {"severity": "error", "urn": URN, "message": "<{%reset%}>no such key<{%reset%}>\n"}
    }

    assert _tally(error, error).errors == ["aws:s3/bucket:Bucket data: no such key"]


def test_only_errors_are_errors() -> None:
    noise = [
        {"diagnosticEvent": {"severity": severity, "message": "text"}}
        for severity in ("debug", "info", "warning")
    ]

    assert _tally(*noise).errors == []


def test_what_the_engine_adds_to_a_failure_is_left_out() -> None:
    texts = (
        "an unhandled error occurred: program exited with non-zero exit code: 1",
        "update failed",
        "no such key",
    )
    tally = _tally(*({"diagnosticEvent": {"severity": "error", "message": text}} for text in texts))

    assert tally.errors == ["no such key"]


def test_policy_answers_are_told_apart() -> None:
    tally = _tally(
        _policy("mandatory", "no key"),
        _policy(
            "advisory", "HEADWAY-IAM-001 is undecided: policy not known before the update, which decides."
        ),
        _policy("advisory", "think about it"),
    )

    assert tally.violations == ["aws:s3/bucket:Bucket data: no key"]
    assert tally.advisories == ["aws:s3/bucket:Bucket data: think about it"]
    assert len(tally.undecided) == 1


def test_events_that_nobody_asked_for_are_passed_over() -> None:
    tally = _tally({"preludeEvent": {"config": {}}}, {"cancelEvent": {}}, {"aLaterEvent": {}})

    assert tally.progress() == "planning"
