"""The rules as the engine runs them: its own messages, its unknown values, its levels."""

import ast
import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime import proto

from headway_policies import rules as rules_package
from headway_policies.exceptions import PolicyException
from headway_policies.pack import Pack, load_pack
from headway_policies.registry import all_rules, find_rule
from headway_policies.rule import ANY_TYPE, Rule
from headway_policies.settings import GateSettings, Level
from headway_policies.toml_tables import DataFileError

ROOT = Path(__file__).resolve().parents[2]
ENDPOINT = "aws:sagemaker/endpointConfiguration:EndpointConfiguration"
BUCKET = "aws:s3/bucket:Bucket"
BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
UNKNOWN_STRING_VALUE = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
UNKNOWN_BOOLEAN_VALUE = "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7"
CHOSEN = ("HEADWAY-ENC-001", "HEADWAY-IAM-001", "HEADWAY-PUB-001", "HEADWAY-PUB-002", "HEADWAY-STK-001")
TODAY = date(2026, 6, 1)
INTENT = {"headway:environment": "prod", "headway:dataClassification": "confidential"}


def _rules() -> list[Rule]:
    found = [find_rule(name) for name in CHOSEN]
    return [rule for rule in found if rule is not None]


def _pack(
    settings: GateSettings | None = None,
    *,
    config: dict[str, str] | None = None,
    dry_run: bool = True,
    rules: Sequence[Rule] | None = None,
) -> Any:
    chosen = _rules() if rules is None else rules
    pack = Pack(chosen, GateSettings() if settings is None else settings, today=lambda: TODAY)
    pack.ConfigureStack(
        proto.AnalyzerStackConfigureRequest(
            stack="prod", project="headway", dry_run=dry_run, config=INTENT if config is None else config
        ),
        None,
    )
    return pack


@pytest.fixture
def analyzer() -> Any:
    return _pack()


def _urn(type_: str, name: str) -> str:
    return f"urn:pulumi:prod::headway::{type_}::{name}"


def _struct(properties: dict[str, Any]) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    struct.update(properties)
    return struct


_PROVIDER = proto.AnalyzerProviderResource(type="pulumi:providers:aws")


def _analyze(analyzer: Any, type_: str, properties: dict[str, Any]) -> Any:
    """What is said of one resource at a preview, where the whole stack is judged at its end."""
    request = proto.AnalyzeRequest(
        type=type_, properties=_struct(properties), urn=_urn(type_, "it"), name="it", provider=_PROVIDER
    )
    first = analyzer.Analyze(request, None)
    return first if first.diagnostics else _stack(analyzer, (type_, "it", properties, {}))


def _stack(analyzer: Any, *resources: tuple[str, str, dict[str, Any], dict[str, list[str]]]) -> Any:
    return analyzer.AnalyzeStack(
        proto.AnalyzeStackRequest(
            resources=[
                proto.AnalyzerResource(
                    type=type_,
                    name=name,
                    urn=_urn(type_, name),
                    properties=_struct(properties),
                    provider=_PROVIDER,
                    propertyDependencies={
                        key: proto.AnalyzerPropertyDependencies(urns=urns) for key, urns in depends.items()
                    },
                )
                for type_, name, properties, depends in resources
            ]
        ),
        None,
    )


def test_a_breach_is_mandatory_and_says_what_to_do(analyzer: Any) -> None:
    response = _analyze(analyzer, ENDPOINT, {})

    [diagnostic] = response.diagnostics
    assert diagnostic.enforcementLevel == proto.MANDATORY
    assert diagnostic.policyName == "HEADWAY-ENC-001"
    assert diagnostic.message.endswith("headway explain HEADWAY-ENC-001")


def test_a_key_that_is_set_and_not_known_yet_is_no_breach(analyzer: Any) -> None:
    response = _analyze(analyzer, ENDPOINT, {"kmsKeyArn": UNKNOWN_STRING_VALUE})

    assert {item.enforcementLevel for item in response.diagnostics} <= {proto.ADVISORY}


def test_what_cannot_be_decided_is_an_advisory_that_names_rule_and_property(analyzer: Any) -> None:
    response = _analyze(analyzer, "aws:iam/rolePolicy:RolePolicy", {"policy": UNKNOWN_STRING_VALUE})

    [diagnostic] = response.diagnostics
    assert diagnostic.enforcementLevel == proto.ADVISORY
    assert "HEADWAY-IAM-001 is undecided: policy of it is not known before the update" in diagnostic.message


def test_a_value_that_many_rules_wait_for_is_told_once() -> None:
    pack = _pack(rules=all_rules())
    response = _stack(pack, ("aws:iam/rolePolicy:RolePolicy", "r", {"policy": UNKNOWN_STRING_VALUE}, {}))

    [diagnostic] = [item for item in response.diagnostics if item.enforcementLevel == proto.ADVISORY]
    assert diagnostic.policyName == "HEADWAY-IAM-001"
    assert diagnostic.urn == _urn("aws:iam/rolePolicy:RolePolicy", "r")
    assert diagnostic.message.startswith("HEADWAY-IAM-001, HEADWAY-IAM-002, HEADWAY-IAM-003, ")
    assert diagnostic.message.endswith("headway explain HEADWAY-IAM-001")
    assert diagnostic.message.count("policy of r is not known before the update, which decides") == 1


def test_a_key_of_the_same_stack_needs_no_word() -> None:
    response = _stack(
        _pack(),
        ("aws:kms/key:Key", "own", {"arn": UNKNOWN_STRING_VALUE}, {}),
        (
            *(ENDPOINT, "config", {"kmsKeyArn": UNKNOWN_STRING_VALUE}),
            {"kmsKeyArn": [_urn("aws:kms/key:Key", "own")]},
        ),
    )

    assert list(response.diagnostics) == []


def test_an_unknown_value_does_not_hide_the_breach_beside_it(analyzer: Any) -> None:
    response = _analyze(
        analyzer,
        BLOCK,
        {
            "blockPublicAcls": UNKNOWN_BOOLEAN_VALUE,
            "blockPublicPolicy": False,
            "ignorePublicAcls": True,
            "restrictPublicBuckets": True,
        },
    )

    mandatory = [item.message for item in response.diagnostics if item.enforcementLevel == proto.MANDATORY]
    advisory = [item.message for item in response.diagnostics if item.enforcementLevel == proto.ADVISORY]
    assert len(mandatory) == len(advisory) == 1
    assert "blockPublicPolicy is False" in mandatory[0]
    assert "blockPublicAcls" in advisory[0]


def test_an_unknown_value_deep_in_a_document_is_found(analyzer: Any) -> None:
    document = {"Statement": [{"Effect": "Allow", "Action": ["*", UNKNOWN_STRING_VALUE]}]}
    response = _analyze(analyzer, "aws:iam/policy:Policy", {"policy": document})

    levels = sorted(item.enforcementLevel for item in response.diagnostics)
    assert levels == sorted([proto.MANDATORY, proto.ADVISORY])


def test_a_rule_is_not_applicable_to_other_types(analyzer: Any) -> None:
    response = _analyze(analyzer, "aws:sns/topic:Topic", {})

    assert list(response.diagnostics) == []
    assert {item.policy_name for item in response.not_applicable} == {
        rule.id for rule in _rules() if ANY_TYPE not in rule.resources
    }


def test_a_secret_document_is_read_and_judged(analyzer: Any) -> None:
    secret = {
        "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
        "value": json.dumps({"Statement": {"Effect": "Allow", "Action": "*"}}),
    }
    response = _analyze(analyzer, "aws:iam/rolePolicy:RolePolicy", {"policy": secret})

    assert [item.policyName for item in response.diagnostics] == ["HEADWAY-IAM-001"]


def test_a_bucket_without_a_block_is_named(analyzer: Any) -> None:
    response = _stack(
        analyzer,
        (BUCKET, "data", {"bucket": "data-1"}, {}),
        (BUCKET, "audit", {"bucket": "audit-1"}, {}),
        _block_of("data"),
    )

    [diagnostic] = response.diagnostics
    assert diagnostic.policyName == "HEADWAY-PUB-002"
    assert diagnostic.enforcementLevel == proto.MANDATORY
    assert diagnostic.urn == _urn(BUCKET, "audit")
    assert "one for audit" in diagnostic.message


def test_a_stack_without_buckets_is_none_of_the_rules_business(analyzer: Any) -> None:
    response = _stack(analyzer, ("aws:sns/topic:Topic", "alarms", {}, {}))

    assert list(response.diagnostics) == []
    assert "HEADWAY-PUB-002" in [item.policy_name for item in response.not_applicable]


def test_every_rule_is_a_mandatory_policy() -> None:
    info = Pack(all_rules(), GateSettings()).GetAnalyzerInfo(empty_pb2.Empty(), None)

    assert [policy.name for policy in info.policies] == [rule.id for rule in all_rules()]
    assert {policy.enforcementLevel for policy in info.policies} == {proto.MANDATORY}


@pytest.mark.parametrize(
    ("level", "told"),
    [(proto.MANDATORY, [proto.MANDATORY]), (proto.ADVISORY, [proto.ADVISORY]), (proto.DISABLED, [])],
)
def test_a_policy_configuration_sets_the_level_of_a_rule(analyzer: Any, level: Any, told: list[int]) -> None:
    config = {"HEADWAY-ENC-001": proto.PolicyConfig(enforcementLevel=level)}
    analyzer.Configure(proto.ConfigureAnalyzerRequest(policyConfig=config), None)

    assert [item.enforcementLevel for item in _analyze(analyzer, ENDPOINT, {}).diagnostics] == told


def test_the_teams_own_levels_are_the_first_ones() -> None:
    pack = _pack(GateSettings(levels={"HEADWAY-ENC-001": Level.ADVISORY}))

    assert [item.enforcementLevel for item in _analyze(pack, ENDPOINT, {}).diagnostics] == [proto.ADVISORY]


def test_a_stack_that_does_not_say_what_it_is_fails_with_the_fix() -> None:
    response = _stack(_pack(config={}), (BUCKET, "data", {"bucket": "d"}, {}), _block_of("data"))

    assert {item.policyName for item in response.diagnostics} == {"HEADWAY-STK-001"}
    assert all("pulumi config set headway:environment" in item.message for item in response.diagnostics)


@pytest.mark.parametrize("key", ["environment", "dataClassification", "frameworks", "personalData"])
def test_an_intent_that_is_encrypted_is_none(key: str) -> None:
    # Whatever it says: an environment that nobody can read is not one that is judged less strictly.
    said = {**INTENT, "headway:frameworks": '["hipaa"]', "headway:personalData": "true"}
    pack = Pack(_rules(), GateSettings(), today=lambda: TODAY)
    pack.ConfigureStack(
        proto.AnalyzerStackConfigureRequest(
            stack="prod", dry_run=True, config=said, config_secret_keys=[f"headway:{key}"]
        ),
        None,
    )
    [told] = _stack(pack, (BUCKET, "data", {"bucket": "d"}, {}), _block_of("data")).diagnostics

    assert told.policyName == "HEADWAY-STK-001"
    assert f"headway:{key} is 'encrypted, which nobody can review'" in told.message


def test_what_the_update_cannot_decide_stops_it() -> None:
    unknown = {"policy": UNKNOWN_STRING_VALUE}
    response = _analyze(_pack(dry_run=False), "aws:iam/rolePolicy:RolePolicy", unknown)

    assert [item.enforcementLevel for item in response.diagnostics] == [proto.MANDATORY]


@pytest.mark.parametrize(
    ("expires", "levels"),
    [
        (TODAY, [proto.ADVISORY]),
        (date(2026, 5, 31), [proto.ADVISORY, proto.MANDATORY]),
    ],
    ids=["on its last day", "a day later"],
)
def test_an_exception_holds_until_its_last_day(expires: date, levels: list[int]) -> None:
    item = PolicyException(
        rule="HEADWAY-ENC-001",
        resource="it",
        reason="r",
        owner="o",
        ticket="t",
        compensating_control="c",
        expires=expires,
    )
    response = _analyze(_pack(GateSettings(exceptions=(item,))), ENDPOINT, {})

    assert sorted(found.enforcementLevel for found in response.diagnostics) == sorted(levels)


def test_an_exception_that_matches_nothing_is_told_once_the_whole_stack_is_known() -> None:
    item = PolicyException(
        rule="HEADWAY-ENC-001",
        resource="gone",
        reason="r",
        owner="o",
        ticket="t",
        compensating_control="c",
        expires=TODAY,
    )
    properties = {"kmsKeyArn": "arn:aws:kms:us-east-1:111122223333:key/a"}
    settings = GateSettings(exceptions=(item,))

    [told] = _stack(_pack(settings), (ENDPOINT, "it", properties, {})).diagnostics
    assert told.enforcementLevel == proto.ADVISORY
    assert told.message.startswith("the exception for HEADWAY-ENC-001 of gone matches nothing")
    update = _pack(settings, dry_run=False)
    assert list(_stack(update, (ENDPOINT, "it", properties, {})).diagnostics) == []


class _RefusedError(Exception):
    pass


class _Context:
    def abort(self, code: grpc.StatusCode, details: str) -> None:
        raise _RefusedError(code, details)


def test_a_level_for_a_rule_that_there_is_not_is_refused(analyzer: Any, tmp_path: Path) -> None:
    config = {"all": proto.PolicyConfig(), "HEADWAY-ENC-01": proto.PolicyConfig()}
    with pytest.raises(_RefusedError) as refused:
        analyzer.Configure(proto.ConfigureAnalyzerRequest(policyConfig=config), _Context())
    (tmp_path / "gate.toml").write_text('[levels]\nall = "advisory"\n"headway-pub-002" = "mandatory"\n')
    with pytest.raises(DataFileError) as caught:
        load_pack(tmp_path)

    assert "HEADWAY-ENC-01, and there is no such rule (is HEADWAY-ENC-001 meant?)" in str(refused.value)
    assert "headway-pub-002, and there is no such rule (is HEADWAY-PUB-002 meant?)" in str(caught.value)


@pytest.mark.parametrize("error", [RuntimeError("s3cret-value"), SystemExit(0), RecursionError()], ids=repr)
def test_a_rule_that_throws_stops_the_update_and_is_named(error: BaseException) -> None:
    rule = _rules()[0]
    broken = Rule(**{name: getattr(rule, name) for name in Rule.__dataclass_fields__ if "check" not in name})

    @broken.check
    def _(resource: object, intent: object) -> Any:
        raise error

    response = _stack(Pack([broken], GateSettings()), (ENDPOINT, "it", {}, {}))

    [diagnostic] = response.diagnostics
    assert diagnostic.enforcementLevel == proto.MANDATORY
    assert f"HEADWAY-ENC-001 broke ({type(error).__name__} in test_pack.py:" in diagnostic.message
    assert "s3cret-value" not in diagnostic.message


def test_a_folder_that_cannot_be_taken_says_everything_that_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "gate.toml").write_text('colour = 1\n[levels]\nHEADWAY-ENC-001 = "off"\n')
    (tmp_path / "exceptions.toml").write_text('[[exception]]\nrule = "HEADWAY-ENC-001"\n')

    with pytest.raises(DataFileError) as caught:
        load_pack(tmp_path)

    for part in ("colour", "'off'", "owner is missing", "ticket is missing", "expires is missing"):
        assert part in str(caught.value)


def _block_of(bucket: str) -> tuple[str, str, dict[str, Any], dict[str, list[str]]]:
    flags = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    properties = {"bucket": UNKNOWN_STRING_VALUE, **dict.fromkeys(flags, True)}
    return BLOCK, bucket, properties, {"bucket": [_urn(BUCKET, bucket)]}


def test_the_pack_is_run_by_the_projects_own_interpreter() -> None:
    described = yaml.safe_load((ROOT / "policies/PulumiPolicy.yaml").read_text("utf-8"))

    assert described["runtime"] == {
        "name": "python",
        "options": {"toolchain": "pip", "virtualenv": "../.venv"},
    }
    assert "serve(Path(__file__).parent)" in (ROOT / "policies/__main__.py").read_text("utf-8")


def test_the_pack_loads_without_the_engines_sdk_around_the_messages() -> None:
    # The engine waits for the pack before it starts the program, and `import pulumi` is most of that.
    code = (
        "import sys; from pathlib import Path; from headway_policies.pack import load_pack; "
        "assert load_pack(Path(sys.argv[1])); assert 'pulumi' not in sys.modules; "
        "import pulumi.runtime.proto as sdk; from headway_policies.protocol import analyzer_pb2 as own; "
        "sdk.AnalyzeResponse.FromString(own.AnalyzeResponse(not_applicable=[{}]).SerializeToString())"
    )
    command = [sys.executable, "-c", code, str(ROOT / "policies")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_a_preview_says_of_no_resource_that_it_passed_before_the_whole_stack_is_judged(analyzer: Any) -> None:
    request = proto.AnalyzeRequest(type=BUCKET, urn=_urn(BUCKET, "it"), name="it", provider=_PROVIDER)
    alone = {rule.id for rule in _rules() if rule.resource_check is not None}

    assert {item.policy_name for item in analyzer.Analyze(request, None).not_applicable} == alone


def test_rules_judge_without_the_engines_sdk() -> None:
    # Rules run in a pull request on a plain declaration: they import nothing but the rule model.
    folder = Path(rules_package.__path__[0])
    imported = {
        node.module.split(".")[0]
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module is not None
    }

    assert imported <= {"headway_policies", "collections", "dataclasses", "typing", "datetime", "itertools"}
