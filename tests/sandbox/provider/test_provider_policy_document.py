"""Policy documents are rendered as the real function renders them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headway_sandbox.provider.policy_document import render

READ = {"sid": "Read", "actions": ["s3:GetObject", "s3:ListBucket"], "resources": ["arn:aws:s3:::b/*"]}


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (
            READ,
            {
                "Sid": "Read",
                "Effect": "Allow",
                "Action": ["s3:ListBucket", "s3:GetObject"],
                "Resource": "arn:aws:s3:::b/*",
            },
        ),
        (
            {"effect": "Deny", "notActions": ["s3:*"], "notResources": ["*"]},
            {"Effect": "Deny", "NotAction": "s3:*", "NotResource": "*"},
        ),
        (
            {"principals": [{"type": "*", "identifiers": ["*"]}]},
            {"Effect": "Allow", "Principal": "*"},
        ),
        (
            {
                "principals": [
                    {"type": "AWS", "identifiers": ["a"]},
                    {"type": "AWS", "identifiers": ["b"]},
                    {"type": "Service", "identifiers": ["s"]},
                ]
            },
            {"Effect": "Allow", "Principal": {"AWS": ["b", "a"], "Service": "s"}},
        ),
        (
            {
                "resources": ["arn:aws:s3:::b/&{aws:username}"],
                "conditions": [{"test": "StringEquals", "variable": "v", "values": ["1", "2"]}],
            },
            {
                "Effect": "Allow",
                "Resource": "arn:aws:s3:::b/${aws:username}",
                "Condition": {"StringEquals": {"v": ["1", "2"]}},
            },
        ),
    ],
)
def test_a_statement_is_written_as_iam_wants_it(block: dict[str, Any], expected: dict[str, Any]) -> None:
    document = json.loads(render({"statements": [block], "version": "2012-10-17"}))
    assert document == {"Version": "2012-10-17", "Statement": [expected]}


def test_later_documents_replace_statements_of_the_same_sid() -> None:
    source = json.dumps({"Statement": [{"Sid": "Read", "Effect": "Deny"}, {"Sid": "Kept", "Effect": "Deny"}]})
    override = json.dumps({"Statement": {"Sid": "Kept", "Effect": "Allow"}})
    rendered = render(
        {"sourcePolicyDocuments": [source], "statements": [READ], "overrideJson": override, "policyId": "p"}
    )
    document = json.loads(rendered)
    assert document["Id"] == "p"
    assert [item["Sid"] for item in document["Statement"]] == ["Read", "Kept"]
    assert [item["Effect"] for item in document["Statement"]] == ["Allow", "Allow"]


def test_a_source_that_is_no_json_is_refused() -> None:
    with pytest.raises(ValueError, match="Expecting value"):
        render({"sourceJson": "no json"})
