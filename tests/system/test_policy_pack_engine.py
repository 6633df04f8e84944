"""Headway's own policy pack, run by the real Pulumi CLI over real AWS resource types."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from headway_sandbox.engine import ensure_stack

ROOT = Path(__file__).resolve().parents[2]

SETTINGS = """config:
  aws:region: us-east-1
  headway:environment: prod
  headway:dataClassification: confidential
"""

FEW = ("HEADWAY-ENC-001", "HEADWAY-IAM-001", "HEADWAY-PUB-002", "HEADWAY-STK-001")

IMPORTS = """
import json
import pulumi
import pulumi_aws as aws

DOCUMENT = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]}

def endpoint_config(name, **changes):
    variant = aws.sagemaker.EndpointConfigurationProductionVariantArgs(
        variant_name="champion", model_name="m", initial_instance_count=1, instance_type="ml.m5.large")
    return aws.sagemaker.EndpointConfiguration(name, production_variants=[variant], **changes)
"""

KEPT = (
    IMPORTS
    + """
key = aws.kms.Key("own")
endpoint_config("encrypted", kms_key_arn=key.arn)
aws.iam.Role("trainer", assume_role_policy=json.dumps(DOCUMENT))
"""
)

BROKEN = (
    IMPORTS
    + """
aws.s3.Bucket("open")
endpoint_config("plain")
"""
)

UNDECIDED = (
    IMPORTS
    + """
key = aws.kms.Key("own")
policy = pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": key.arn}]})
role = aws.iam.Role("trainer", assume_role_policy=json.dumps(DOCUMENT))
aws.iam.RolePolicy("decrypt", role=role.id, policy=policy)
"""
)


@dataclass
class Gated:
    """A project whose stack is held to Headway's rules."""

    directory: Path
    env: Mapping[str, str]

    def preview(self, program: str, *rules: str) -> tuple[int, str, list[dict[str, Any]]]:
        """The exit code, what was printed, and the policy events; only these rules are on."""
        (self.directory / "__main__.py").write_text(program, "utf-8")
        config = self.directory / "policy-config.json"
        levels = {"all": "disabled", **dict.fromkeys(rules, "mandatory")}
        config.write_text(json.dumps(levels), "utf-8")
        events = self.directory / "events.jsonl"
        done = subprocess.run(
            [
                *("pulumi", "preview", "--policy-pack", str(ROOT / "policies")),
                *("--policy-pack-config", str(config)),
                *("--event-log", str(events), "--non-interactive", "--color", "never"),
            ],
            cwd=self.directory,
            env={**self.env, "PULUMI_DEBUG_COMMANDS": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        logged = [json.loads(line) for line in events.read_text("utf-8").splitlines()]
        return done.returncode, done.stdout, [item["policyEvent"] for item in logged if "policyEvent" in item]


@pytest.fixture
def gated(pulumi_home: Path, pulumi_env: dict[str, str]) -> Gated:
    directory = pulumi_home.parent
    directory.mkdir(parents=True, exist_ok=True)
    runtime = f"{{name: python, options: {{toolchain: pip, virtualenv: {json.dumps(str(ROOT / '.venv'))}}}}}"
    (directory / "Pulumi.yaml").write_text(f"name: demo\nruntime: {runtime}\n", "utf-8")
    (directory / "Pulumi.local.yaml").write_text(SETTINGS, "utf-8")
    ensure_stack(pulumi_env, directory, "local")
    return Gated(directory, pulumi_env)


def test_a_stack_that_keeps_the_rules_passes_without_a_word(gated: Gated) -> None:
    code, said, events = gated.preview(KEPT, *FEW)

    assert code == 0, said
    assert events == []


def test_breaches_refuse_the_preview_and_say_what_to_do(gated: Gated) -> None:
    code, said, events = gated.preview(BROKEN, *FEW)

    assert code != 0, said
    assert {(event["policyName"], event["enforcementLevel"]) for event in events} == {
        ("HEADWAY-ENC-001", "mandatory"),
        ("HEADWAY-PUB-002", "mandatory"),
    }
    assert "kmsKeyArn is nothing, want a customer-managed KMS key" in said
    assert "want one for open" in said
    assert "headway explain HEADWAY-ENC-001" in said


def test_what_is_not_known_yet_is_shown_and_does_not_refuse(gated: Gated) -> None:
    code, said, events = gated.preview(UNDECIDED, *FEW)

    assert code == 0, said
    assert [(event["policyName"], event["enforcementLevel"]) for event in events] == [
        ("HEADWAY-IAM-001", "advisory")
    ]
    assert "HEADWAY-IAM-001 is undecided: policy of decrypt is not known before the update" in said


def test_a_stack_that_does_not_say_what_it_is_fails_with_the_fix(gated: Gated) -> None:
    (gated.directory / "Pulumi.local.yaml").write_text("config:\n  aws:region: us-east-1\n", "utf-8")
    code, said, _ = gated.preview(KEPT, *FEW)

    assert code != 0, said
    assert "headway:environment is nothing" in said
    assert "pulumi config set headway:environment" in said


def test_a_rule_that_is_not_named_in_the_configuration_is_off(gated: Gated) -> None:
    code, said, events = gated.preview(BROKEN, "HEADWAY-STK-001")

    assert (code, events) == (0, []), said
