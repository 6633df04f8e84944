"""`headway gate` on the reference system: planned offline, and stopped by each edit that breaks it.

Three edits are made as an owner makes them, to the program, its declaration and its configuration, and go
through the whole command. All ten are made to what is planned.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest

from headway_cli.gate.rulebooks import POLICIES, Loaded, load
from headway_cli.gate.stack_plan import Compared, Planned, plan_stacks
from headway_policies.lanes import Base, Lane
from headway_policies.outcome import Finding
from headway_policies.redaction import STAND_IN_MARK
from headway_policies.registry import find_rule
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.verdict import Subject, Verdict, assess
from headway_sandbox.engine import Engine
from headway_sandbox.provider import stand_ins
from support.project import Project

ROOT = Path(__file__).resolve().parents[2]
CONFIG = "aws:sagemaker/endpointConfiguration:EndpointConfiguration"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
OTHER_IMAGE = "333333333333.dkr.ecr.us-east-1.amazonaws.com/somebody-else@sha256:" + "0" * 64
PIPELINE = "aws:sagemaker/pipeline:Pipeline"
PARAMETER = "aws:ssm/parameter:Parameter"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
MODEL = "aws:sagemaker/model:Model"
EVENT_TARGET = "aws:cloudwatch/eventTarget:EventTarget"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"

Properties = Mapping[str, Any]
Change = Callable[[Properties], Properties | None]


@pytest.fixture(scope="module")
def planned(engine: Engine) -> Planned:
    return next(plan_stacks(ROOT, ["prod"], Compared(), ()))


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    return load(ROOT / POLICIES, None)


def _judge(subject: Subject, loaded: Loaded) -> Verdict:
    return assess(subject, loaded.rulebook, Base(), datetime.now(UTC).date())


@dataclass(frozen=True)
class Edit:
    """An edit of the planned stack: of all resources of a type, or of those with a word in their name.

    Args:
        title: What is done.
        type: The type.
        change: The new properties; None deletes the resource.
        lane: Where the change goes then.
        says: The rules, or the reasons, that speak then; no other does.
        name: A word of the name; empty for all.
    """

    title: str
    type: str
    change: Change
    lane: Lane
    says: frozenset[str]
    name: str = ""

    def apply(self, resources: tuple[Resource, ...]) -> tuple[Resource, ...]:
        edited: list[Resource] = []
        for resource in resources:
            if resource.type != self.type or self.name not in resource.name:
                edited.append(resource)
                continue
            properties = self.change(resource.properties)
            if properties is not None:
                references = {
                    name: found for name, found in resource.references.items() if name in properties
                }
                edited.append(replace(resource, properties=properties, references=references))
        assert tuple(edited) != resources, f"there is nothing to edit for '{self.title}'"
        return tuple(edited)


def _without(*names: str) -> Change:
    return lambda properties: {name: value for name, value in properties.items() if name not in names}


def _with(**values: Any) -> Change:
    return lambda properties: {**properties, **values}


def _gone(properties: Properties) -> None:
    return None


def _wildcard(properties: Properties) -> Properties:
    document = {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    return {**properties, "policy": json.dumps(document)}


def _no_thresholds(properties: Properties) -> Properties:
    definition = json.loads(properties["pipelineDefinition"])
    for step in _every_step(definition["Steps"]):
        specification = step.get("Arguments", {}).get("AppSpecification", {})
        arguments = specification.get("ContainerArguments")
        if arguments and "--minimum-logloss-improvement" in arguments:
            specification["ContainerArguments"] = arguments[:1]
    return {**properties, "pipelineDefinition": json.dumps(definition)}


def _every_step(steps: Any) -> Iterator[Any]:
    """The steps of a pipeline, those inside conditions too."""
    for step in steps:
        yield step
        for inner in ("IfSteps", "ElseSteps"):
            yield from _every_step(step.get("Arguments", {}).get(inner, ()))


def _steep_ladder(properties: Properties) -> Properties:
    name = "insecureValue" if "insecureValue" in properties else "value"
    plan = json.loads(properties[name])
    plan["ladder"] = [{**plan["ladder"][0], "percent": 50}, {**plan["ladder"][0], "percent": 100}]
    return {**properties, name: json.dumps(plan)}


def _other_variant(properties: Properties) -> Properties:
    return {**properties, "dimensions": {**properties["dimensions"], "VariantName": "nobody"}}


def _other_image(properties: Properties) -> Properties:
    container = {**properties["primaryContainer"], "image": OTHER_IMAGE}
    return {**properties, "primaryContainer": container}


def _without_capture_key(properties: Properties) -> Properties:
    capture = {name: value for name, value in properties["dataCaptureConfig"].items() if name != "kmsKeyId"}
    return {**properties, "dataCaptureConfig": capture}


def _rules(*ids: str) -> frozenset[str]:
    return frozenset(ids)


EDITS = (
    Edit("key removed", CONFIG, _without("kmsKeyArn"), Lane.REFUSED, _rules("HEADWAY-ENC-001")),
    Edit(
        *("`*` in a role", ROLE_POLICY, _wildcard, Lane.REFUSED),
        # Every action on everything is also every data set, every resource and every role to pass.
        _rules("HEADWAY-IAM-001", "HEADWAY-IAM-002", "HEADWAY-IAM-003", "HEADWAY-IAM-007"),
        name="endpoint-serving",
    ),
    Edit("public bucket", BLOCK, _gone, Lane.REFUSED, _rules("HEADWAY-PUB-002"), name="data"),
    Edit("evaluation threshold emptied", PIPELINE, _no_thresholds, Lane.REFUSED, _rules("HEADWAY-CHG-002")),
    Edit(
        *("ladder starting at 50 %", PARAMETER, _steep_ladder, Lane.REFUSED),
        _rules("HEADWAY-REL-002"),
        name="release-plan",
    ),
    Edit(
        *("alarm on the wrong variant", ALARM, _other_variant, Lane.REFUSED),
        # The variant that takes the traffic is then watched by none.
        _rules("HEADWAY-MON-001", "HEADWAY-MON-004"),
        name="observability-errors",
    ),
    Edit("capture without a key", CONFIG, _without_capture_key, Lane.REFUSED, _rules("HEADWAY-ENC-008")),
    Edit(
        *("retention missing", LIFECYCLE, _gone, Lane.REFUSED),
        _rules("HEADWAY-RET-002", "HEADWAY-RET-003"),
        name="capture",
    ),
    Edit("unapproved image", MODEL, _other_image, Lane.MANUAL, _rules("lane/image")),
    Edit(
        *("monitor without retraining", EVENT_TARGET, _gone, Lane.REFUSED),
        _rules("HEADWAY-MON-007"),
        name="drift-target",
    ),
)
"""Each turns the gate red or sends it to a person, for exactly that reason."""


def _spoken(verdict: Verdict) -> set[str]:
    return {row.rule for row in verdict.rows if row.outcome in {"fail", "manual"}}


def test_the_production_stack_of_the_reference_system_ships_by_itself(
    planned: Planned, loaded: Loaded
) -> None:
    verdict = _judge(planned.subject, loaded)

    assert _spoken(verdict) == set()
    assert verdict.lane is Lane.AUTO
    assert verdict.exceptions == ()


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.title)
def test_an_edit_that_breaks_it_is_stopped_for_that_reason(
    edit: Edit, planned: Planned, loaded: Loaded
) -> None:
    subject = replace(planned.subject, resources=edit.apply(planned.subject.resources))
    verdict = _judge(subject, loaded)

    assert _spoken(verdict) == edit.says
    assert verdict.lane is edit.lane


@dataclass(frozen=True)
class Owned:
    """An edit of the project as its owner makes it.

    Args:
        title: What is done.
        path: The file.
        old: What is replaced; nothing for an addition at the end.
        new: What it is replaced with.
        code: The exit code then.
        says: The rules, or the reasons, that speak then; no other does.
        refused: What the declaration itself says against it, before there is anything to judge.
    """

    title: str
    path: str
    old: str
    new: str
    code: int
    says: frozenset[str] = frozenset()
    refused: str = ""


UNKEYED = """
import pulumi

def without_key(made):
    if made.type_ == "aws:sagemaker/endpointConfiguration:EndpointConfiguration":
        return pulumi.ResourceTransformationResult({**made.props, "kms_key_arn": None}, made.opts)

pulumi.runtime.register_stack_transformation(without_key)
deploy(FLIGHT_DELAY)"""

OWNED = (
    Owned("nothing", "stacks/Pulumi.prod.yaml", "config:", "config:", code=0),
    Owned(
        *("the image, in the configuration", "stacks/Pulumi.prod.yaml"),
        *("/headway-runtime@", "/somebody-else@"),
        code=3,
        says=_rules("lane/image"),
    ),
    Owned(
        *("the thresholds, in the declaration", "stacks/flight_delay/system.py"),
        *("minimum_logloss_improvement=0.08, minimum_auc=0.66, ", ""),
        code=1,
        refused="minimum_logloss_improvement: asks for nothing",
    ),
    Owned(
        *("the key, in the program", "stacks/__main__.py"),
        *("    deploy(FLIGHT_DELAY)", indent(UNKEYED, "    ")),
        code=1,
        says=_rules("HEADWAY-ENC-001"),
    ),
)
ENCRYPTED = """  flight-delay:token:
    secure: v1:bm90aGluZw==:c2VjcmV0
encryptionsalt: v1:AAAA:v1:BBBB
"""


@dataclass(frozen=True)
class Told:
    """What the command said of an edited project, and which files it left."""

    code: int
    document: Mapping[str, Any]
    left: frozenset[Path]
    errors: str


@pytest.fixture(scope="module")
def told(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Told]:
    """What the command says of each of them: a copy without credentials, whose secrets nobody can read."""
    folder = tmp_path_factory.mktemp("owned")
    with ThreadPoolExecutor(max_workers=2) as pool:
        done = pool.map(lambda item: _told(item[1], folder / f"project {item[0]}"), enumerate(OWNED))
        return dict(zip((edit.title for edit in OWNED), done, strict=True))


def _told(edit: Owned, root: Path) -> Told:
    project = replace(Project.copy_to(root), variables={"PYTHONDONTWRITEBYTECODE": ""})
    settings = root / "stacks" / "Pulumi.prod.yaml"
    settings.write_text(settings.read_text("utf-8") + ENCRYPTED, "utf-8")
    project.edit(edit.path, edit.old, edit.new)
    before = _contents(root)
    done = project.headway("gate", "--stack", "prod", "--format", "json")
    after = _contents(root)
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    document = json.loads(done.stdout) if done.stdout else {}
    return Told(done.returncode, document, frozenset(changed), done.stderr)


def _contents(root: Path) -> dict[Path, bytes]:
    return {
        path: path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not path.is_relative_to(root / ".venv")
    }


@pytest.mark.parametrize("edit", OWNED, ids=lambda edit: edit.title)
def test_what_an_owner_changes_decides_the_exit_code(edit: Owned, told: Mapping[str, Told]) -> None:
    found = told[edit.title]

    assert found.code == edit.code, found.errors
    assert edit.refused in found.errors
    assert found.left == set()
    if edit.refused:
        assert found.document == {}
        return
    assert {item["rule"] for item in found.document["findings"]} == edit.says
    assert found.document["lane"] == {0: "auto", 1: "refused", 3: "manual"}[edit.code]
    assert found.document["outcomes"]["undecided"] == 0


def test_the_plan_knows_what_documents_say_and_where_resources_are_declared(planned: Planned) -> None:
    policies = [item for item in planned.subject.resources if item.type == ROLE_POLICY]

    assert policies
    assert all(isinstance(item.json("policy"), Mapping) for item in policies)
    own = [item for item in planned.subject.resources if item.is_custom]
    assert {item.source.split(":")[0] for item in own} == {"stacks/__main__.py"}
    assert not [item for item in own if item.type == CONFIG and item.value("kmsKeyArn") is UNKNOWN]


def test_a_finding_names_the_resource_that_a_stand_in_stands_for(planned: Planned, loaded: Loaded) -> None:
    key = next(item for item in planned.subject.resources if item.type == "aws:kms/key:Key")
    config = Resource(type=CONFIG, name="c", urn="urn::c", properties={"kmsKeyArn": key.value("arn")})
    rule = _telling_rule()
    verdict = assess(
        replace(planned.subject, resources=(key, config)),
        replace(loaded.rulebook, rules=(rule,)),
        Base(),
        datetime.now(UTC).date(),
    )

    assert STAND_IN_MARK == stand_ins.MARK
    assert f"<arn of {key.name}>" in verdict.rows[0].message


def _telling_rule() -> Rule:
    """A rule that shows a key's ARN."""
    found = find_rule("HEADWAY-ENC-001")
    assert found is not None
    fields = {name: getattr(found, name) for name in Rule.__dataclass_fields__ if "check" not in name}
    rule = Rule(**fields)

    @rule.check
    def _(resource: Resource, intent: object) -> Answers:
        yield Finding(path="kmsKeyArn", got=resource.value("kmsKeyArn"), want="another")

    return rule


def test_two_plans_of_one_stack_give_the_same_evidence(engine: Engine, tmp_path: Path) -> None:
    project = _project(tmp_path, "import pulumi_aws as aws\naws.s3.Bucket('data')\n")
    digests = {json.loads(_gate(project, "--format", "json").stdout)["digest"] for _ in range(2)}

    assert len(digests) == 1


def test_encrypted_configuration_is_not_known_and_nothing_is_written(engine: Engine, tmp_path: Path) -> None:
    program = (
        "import pulumi, pulumi_aws as aws\n"
        "secret = pulumi.Config().require_secret('password')\n"
        "aws.ssm.Parameter('p', type='SecureString', value=secret)\n"
        "aws.iam.RolePolicy('r', role='a', policy=pulumi.Output.concat('{\"a\": \"', secret, '\"}'))\n"
    )
    secure = "  shop:password:\n    secure: v1:bm90aGluZw==:c2VjcmV0\nencryptionsalt: v1:AAAA:v1:BBBB\n"
    project = _project(tmp_path, program, secure)
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    done = _gate(project, "--format", "json")

    document = json.loads(done.stdout)
    undecided = {item["rule"] for item in document["findings"] if item["outcome"] == "undecided"}
    assert "HEADWAY-IAM-001" in undecided, done.stderr
    assert {path: path.read_bytes() for path in project.rglob("*") if path.is_file()} == before


def test_what_is_deployed_tells_what_would_be_deleted(engine: Engine, tmp_path: Path) -> None:
    project = _project(tmp_path, "import pulumi\n")
    table = "urn:pulumi:prod::shop::aws:dynamodb/table:Table::orders"
    provider = "urn:pulumi:prod::shop::pulumi:providers:aws::own"
    resources = [
        {"urn": "urn:pulumi:prod::shop::pulumi:pulumi:Stack::shop-prod", "type": "pulumi:pulumi:Stack"},
        {
            "urn": provider,
            "type": "pulumi:providers:aws",
            "custom": True,
            "id": "1",
            "inputs": {},
            "outputs": {},
        },
        {
            "urn": table,
            "type": "aws:dynamodb/table:Table",
            "custom": True,
            "id": "orders",
            "inputs": {"name": "orders"},
            "outputs": {"name": "orders"},
            "provider": f"{provider}::1",
        },
    ]
    state = {"version": 3, "deployment": {"manifest": _MANIFEST, "resources": resources}}
    (project / "state.json").write_text(json.dumps(state), "utf-8")
    done = _gate(project, "--previous", "state.json", "--format", "json", "--out", "out")

    document = json.loads(done.stdout)
    assert "lane/deletion" in {item["rule"] for item in document["findings"]}, done.stderr
    evidence = json.loads((project / "out" / "prod.evidence.json").read_text("utf-8"))
    assert evidence["plan"]["counts"] == {"create": 0, "change": 0, "replace": 0, "delete": 1}


BEFORE = """import pulumi_aws as aws
aws.dynamodb.Table('orders', name='orders', attributes=[{'name': 'id', 'type': 'S'}], hash_key='id')
aws.dynamodb.Table('carts', name='carts', attributes=[{'name': 'id', 'type': 'S'}], hash_key='id')
aws.s3.Bucket('data', tags={'team': 'one'})
aws.s3.Bucket('same')
aws.ssm.Parameter('token', type='SecureString', value='hidden')
"""
AFTER = (
    BEFORE.replace("'carts'", "'baskets'", 1)
    .replace("name='orders'", "name='sales'")
    .replace("'one'", "'two'")
    + "aws.sqs.Queue('new')\n"
)


def test_a_base_tells_what_is_created_changed_replaced_and_deleted(engine: Engine, tmp_path: Path) -> None:
    project = _project(tmp_path, BEFORE)
    _commit(project)
    (project / "__main__.py").write_text(AFTER, "utf-8")
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    done = _gate(project, "--base", "HEAD", "--format", "json", "--out", str(tmp_path / "out"))

    evidence = json.loads((tmp_path / "out" / "prod.evidence.json").read_text("utf-8"))
    plan = evidence["plan"]
    assert plan["against"] == "HEAD", done.stderr
    assert {(item["operation"], item["resource"].rsplit("::", 1)[1]) for item in plan["changes"]} == {
        ("create", "baskets"),
        ("create", "new"),
        ("change", "data"),
        ("replace", "orders"),
        ("delete", "carts"),
    }
    lost = {
        item["resource"] for item in json.loads(done.stdout)["findings"] if item["rule"] == "lane/deletion"
    }
    assert {urn.rsplit("::", 1)[1] for urn in lost} == {"orders", "carts"}
    assert {path: path.read_bytes() for path in project.rglob("*") if path.is_file()} == before


def test_a_base_that_cannot_be_planned_is_told_and_compared_with_nothing(
    engine: Engine, tmp_path: Path
) -> None:
    project = _project(tmp_path, "raise ValueError('of then')\n")
    _commit(project)
    (project / "__main__.py").write_text("import pulumi\n", "utf-8")
    done = _gate(project, "--base", "HEAD", "--format", "md")

    assert "HEAD could not be planned" in done.stderr
    assert "of then" in done.stderr
    assert "an empty stack, since HEAD could not be planned" in done.stdout


def _commit(project: Path) -> None:
    for command in (
        ("init", "--quiet"),
        ("add", "."),
        ("-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "--quiet", "-m", "before"),
    ):
        subprocess.run(["git", "-C", str(project), *command], check=True)


def test_a_program_that_does_not_run_is_told_with_its_own_words(engine: Engine, tmp_path: Path) -> None:
    done = _gate(_project(tmp_path, "raise ValueError('no such flight')\n"))

    assert done.returncode == 1
    assert "could not be planned" in done.stderr
    assert "no such flight" in done.stderr


_MANIFEST = {"time": "2026-01-01T00:00:00Z", "magic": "", "version": ""}
_SETTINGS = (
    "config:\n  aws:region: us-east-1\n  headway:environment: prod\n  headway:dataClassification: internal\n"
)


def _project(folder: Path, program: str, more: str = "") -> Path:
    project = folder / "a project"
    project.mkdir()
    runtime = f"{{name: python, options: {{toolchain: pip, virtualenv: {json.dumps(str(ROOT / '.venv'))}}}}}"
    (project / "Pulumi.yaml").write_text(f"name: shop\nruntime: {runtime}\n", "utf-8")
    (project / "Pulumi.prod.yaml").write_text(_SETTINGS + more, "utf-8")
    (project / "__main__.py").write_text(program, "utf-8")
    return project


def _gate(project: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "headway_cli", "gate", "--stack", "prod", *arguments],
        cwd=project,
        env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
