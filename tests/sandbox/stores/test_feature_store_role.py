"""The offline store is written with the group's role only, where IAM is enforced."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from headway_sandbox import lifecycle
from support.control import BUCKET, Cloud, refused, unique, until
from support.feature_groups import ONE, Group

LOOK = ["s3:GetBucketAcl"]
WRITE = ["s3:PutObject"]


@dataclass
class EnforcedCloud(Cloud):
    """A sandbox that enforces IAM."""

    def start(self) -> None:
        self.record = lifecycle.start(self.state_dir, 0, enforce_iam=True)
        self.clients.clear()

    def role(self, actions: list[str], principal: str = "sagemaker") -> str:
        """A role for a service, with these actions on the bucket."""
        name = unique("role")
        trust = {
            "Effect": "Allow",
            "Principal": {"Service": f"{principal}.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
        arn = self.client("iam").create_role(
            RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]})
        )["Role"]["Arn"]
        self.allow(name, actions)
        return str(arn)

    def allow(self, role: str, actions: list[str]) -> None:
        """Gives a role these actions on the bucket and no other."""
        resources = [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]
        statement = {"Effect": "Allow", "Action": actions, "Resource": resources}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.client("iam").put_role_policy(RoleName=role, PolicyName="may", PolicyDocument=policy)


@pytest.fixture(scope="module")
def enforced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EnforcedCloud]:
    state_dir = tmp_path_factory.mktemp("enforced-stores")
    cloud = EnforcedCloud(state_dir)
    cloud.client("s3").create_bucket(Bucket=BUCKET)
    yield cloud
    lifecycle.stop(state_dir)
    log = (state_dir / "sandbox.log").read_text()
    assert "Traceback" not in log, log


def test_records_wait_until_the_role_may_write_them(enforced: EnforcedCloud) -> None:
    role = enforced.role(LOOK)
    group = Group(enforced, RoleArn=role).wait()

    group.put(carrier="UA", at=ONE, delay="1")

    status: dict[str, Any] = until(
        lambda: (found := group.described()["OfflineStoreStatus"])["Status"] == "Blocked" and found,
        "the block",
    )
    assert "AccessDenied" in status["BlockedReason"]
    assert group.get("UA") is not None
    enforced.allow(role.rpartition("/")[2], LOOK + WRITE)
    assert [row["carrier"] for row in group.rows(1)] == ["UA"]
    until(lambda: group.described()["OfflineStoreStatus"] == {"Status": "Active"}, "the offline store")


def test_a_role_that_cannot_be_used_is_refused(enforced: EnforcedCloud) -> None:
    group = Group(enforced, RoleArn=enforced.role(WRITE))
    assert "AccessDenied" in group.wait("CreateFailed").described()["FailureReason"]

    code, message = refused(Group, cloud=enforced, RoleArn=enforced.role(LOOK + WRITE, principal="lambda"))
    assert (code, "Could not assume role" in message) == ("ValidationException", True)
