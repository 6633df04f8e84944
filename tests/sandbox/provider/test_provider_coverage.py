"""The rows of the coverage page say what the stand-in does with each input."""

from __future__ import annotations

from headway_sandbox.provider import coverage, registry, schema
from headway_sandbox.provider.checks import Validator
from headway_sandbox.provider.paths import top_of

ROWS = coverage.properties()
BY_PATH = {(token, path): (status, note) for token, path, status, note in ROWS}


def test_every_type_and_every_input_has_one_row() -> None:
    assert len(BY_PATH) == len(ROWS)
    assert {token for token, path, _, _ in ROWS if path == ""} == registry.tokens()
    for token in registry.tokens():
        tops = {top_of(path) for owner, path, _, _ in ROWS if owner == token and path}
        assert tops == schema.of(token).inputs.properties.keys()


def test_what_is_refused_or_only_kept_says_why() -> None:
    assert [row for row in ROWS if row[2] != "behaves" and not row[3]] == []


def test_what_the_page_calls_refused_is_refused() -> None:
    for token, path, status, _ in ROWS:
        table = registry.table(token)
        if status == "refused" and path and "[]" not in path and "." not in path:
            problems = Validator(table, schema.of(token).inputs, []).problems({path: "x"})
            assert any("does not translate" in item.reason or "lacks" in item.reason for item in problems)


def test_inputs_that_nothing_hinders_behave() -> None:
    assert BY_PATH["aws:s3/bucket:Bucket", "forceDestroy"] == (
        "behaves",
        "used by the provider itself, never sent",
    )
    assert BY_PATH["aws:sagemaker/endpoint:Endpoint", "endpointConfigName"] == ("behaves", "")
    assert BY_PATH["aws:ec2/vpc:Vpc", "cidrBlock"][0] == "keeps state"
    assert BY_PATH["aws:lambda/function:Function", "vpcConfig.vpcId"][0] == "refused"
