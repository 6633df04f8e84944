"""What comes of a judged stack: the lane, its exact reasons, what exceptions allow, what is never shown."""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest

from headway_policies.costs import load_prices
from headway_policies.exceptions import ExceptionStatus, PolicyException, parse_exceptions
from headway_policies.framework_map import Control, Framework, Standing
from headway_policies.intent import PRODUCTION, DataClassification, Intent
from headway_policies.judge import judge
from headway_policies.lanes import Base, Lane, Why
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.plan import Change, Operation, Plan
from headway_policies.registry import all_rules
from headway_policies.report.document import document
from headway_policies.report.evidence import bundle, digest
from headway_policies.report.junit import junit
from headway_policies.report.markdown import markdown
from headway_policies.report.sarif import sarif
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.settings import GateSettings, Level
from headway_policies.toml_tables import DataFileError
from headway_policies.verdict import Moment, Rulebook, Subject, Verdict, assess

TODAY = date(2026, 6, 1)
INTENT = Intent(environment="prod", data_classification=DataClassification.CONFIDENTIAL)
BUCKET = "aws:s3/bucket:Bucket"
MODEL = "aws:sagemaker/model:Model"
CONFIG = "aws:sagemaker/endpointConfiguration:EndpointConfiguration"
SECRET = "hunter2-and-more"
SCHEMA = json.loads((Path(__file__).parent / "data/sarif-schema-2.1.0.json").read_text("utf-8"))


def _rule(rule_id: str = "ACME-TAG-001", **changes: Any) -> Rule:
    rule = Rule(
        **{
            "id": rule_id,
            "slug": rule_id.lower(),
            "title": "A bucket has an owner",
            "since": "0.1",
            "severity": Severity.HIGH,
            "resources": (BUCKET,),
            "why": "Nobody answers for it.",
            "fix": "Set owner.",
            "passes": (),
            "fails": (),
            "when_unknown": Outcome.UNDECIDED,
            "unknowns": (),
            **changes,
        }
    )

    @rule.check
    def _(resource: Resource, intent: Intent) -> Answers:
        owner = resource.text("owner")
        if owner != "me":
            yield Finding(path="owner", got=owner, want="me")

    return rule


RULE = _rule()


def _bucket(name: str, owner: object = "me", **changes: Any) -> Resource:
    urn = f"urn:pulumi:prod::acme::{BUCKET}::{name}"
    return Resource(type=BUCKET, name=name, urn=urn, properties={"owner": owner}, **changes)


def _exception(name: str = "data", **changes: Any) -> PolicyException:
    fields: dict[str, Any] = {
        "rule": RULE.id,
        "resource": name,
        "reason": "r",
        "owner": "o",
        "ticket": "T-1",
        "compensating_control": "c",
        "expires": TODAY,
    }
    return PolicyException(**{**fields, **changes})


def _assess(*resources: Resource, base: Base | None = None, **changes: Any) -> Verdict:
    subject = Subject(stack="prod", resources=resources, intent=INTENT, moment=Moment.PREVIEW)
    rulebook = Rulebook(rules=(RULE,), frameworks=(), settings=GateSettings())
    own = {name: changes.pop(name) for name in list(changes) if name in Subject.__dataclass_fields__}
    return assess(
        replace(subject, **own), replace(rulebook, **changes), Base() if base is None else base, TODAY
    )


def test_the_golden_path_is_automatic() -> None:
    verdict = _assess(_bucket("data"), Resource(type="aws:sns/topic:Topic", urn="urn::t"))

    assert verdict.lane is Lane.AUTO
    assert verdict.counts == {"pass": 1, "fail": 0, "undecided": 0, "not_applicable": 0}
    assert verdict.unjudged == {"aws:sns/topic:Topic": 1}


def test_a_breach_is_refused_with_the_property_and_the_fix() -> None:
    [row] = _assess(_bucket("data", None, source="stacks/__main__.py:9")).rows

    assert (row.rule, row.name, row.path, row.fix) == (RULE.id, "data", "owner", "Set owner.")
    assert row.source == "stacks/__main__.py:9"


def test_what_is_undecided_never_passes_silently() -> None:
    verdict = _assess(_bucket("data", UNKNOWN))

    assert verdict.lane is Lane.AUTO
    assert verdict.counts["undecided"] == 1
    assert [row.outcome for row in verdict.rows] == ["undecided"]
    assert "Undecided before the update (1)" in markdown(verdict, "sha256:0")


def test_a_rule_that_throws_refuses_and_is_named() -> None:
    broken = _rule("ACME-BAD-001")

    @broken.check
    def _(resource: Resource, intent: Intent) -> Answers:
        raise KeyError(SECRET)
        yield

    verdict = _assess(_bucket("data"), rules=(broken,))

    assert verdict.lane is Lane.REFUSED
    assert "ACME-BAD-001 broke (KeyError in test_verdict.py:" in verdict.rows[0].message
    assert SECRET not in verdict.rows[0].message


IMAGE = "111122223333.dkr.ecr.us-east-1.amazonaws.com/train@sha256:0"
GOLDEN = GateSettings(images=("*/train@sha256:*",), libraries=frozenset({"numpy"}))
PRICED = Resource(
    type=CONFIG,
    urn="urn::c",
    properties={"productionVariants": [{"instanceType": "ml.m5.xlarge", "initialInstanceCount": 2}]},
)


def _code(text: str) -> Resource:
    return Resource(
        type="aws:lambda/function:Function",
        urn="urn::f",
        properties={"code": {"assets": {"main.py": {"text": text}, "own/part.py": {"text": ""}}}},
    )


def _running(image: object) -> Resource:
    return Resource(type=MODEL, urn="urn::m", properties={"primaryContainer": {"image": image}})


def _reasons() -> Iterator[Any]:
    """What is changed, and the one reason that it is for."""
    insisting = _rule(decides_at_preview=True)
    lower = Intent(environment="prod", data_classification=DataClassification.INTERNAL)
    gone = Plan(
        changes=(Change(operation=Operation.DELETE, urn="urn::old", type="aws:dynamodb/table:Table"),),
        against="x",
    )
    pipeline = Resource(
        type="aws:sagemaker/pipeline:Pipeline",
        urn="urn::p",
        properties={
            "pipelineDefinition": json.dumps({"Steps": [{"AppSpecification": {"ImageUri": "evil"}}]})
        },
    )
    cheap = replace(GOLDEN, ceilings_usd={"prod": 100.0})
    yield "image", (_running("evil:latest"),), {}, Why.IMAGE, "evil:latest is not on the approved list"
    yield "image in a pipeline", (pipeline,), {}, Why.IMAGE, "the image evil is not"
    yield "unknown image", (_running(UNKNOWN),), {}, Why.IMAGE, "not known"
    yield "library", (_code("import numpy\nfrom torch.nn import x\n"),), {}, Why.LIBRARY, "library torch"
    yield "rule off", (_bucket("d"),), {"levels": {RULE.id: Level.DISABLED}}, Why.RULE_OFF, "is turned off"
    yield "advisory", (_bucket("d", None),), {"levels": {RULE.id: Level.ADVISORY}}, Why.RULE_OFF, "advises"
    yield "deletion", (), {"plan": gone}, Why.DELETION, "Table old holds data and is deleted"
    yield "class rises", (), {"base": Base(intent=lower)}, Why.CLASSIFICATION, "from internal to confidential"
    yield "insisting", (_bucket("d", UNKNOWN),), {"rules": (insisting,)}, Why.UNDECIDED, "owner is not known"
    yield "cost", (PRICED,), {"settings": cheap, "prices": load_prices()}, Why.COST, "335.80 USD a month"
    strange = replace(
        PRICED, properties={"productionVariants": [{"instanceType": "ml.x", "initialInstanceCount": 1}]}
    )
    yield "price unknown", (strange,), {"settings": cheap, "prices": load_prices()}, Why.COST, "not known"
    elsewhere = {"settings": cheap, "prices": load_prices(), "region": "eu-west-1"}
    yield "price of elsewhere", (PRICED,), elsewhere, Why.COST, "not known"


@pytest.mark.parametrize(
    ("resources", "changes", "why", "text"), [pytest.param(*row[1:], id=row[0]) for row in _reasons()]
)
def test_a_change_off_the_golden_path_goes_to_a_person_for_that_reason(
    resources: tuple[Resource, ...], changes: dict[str, Any], why: Why, text: str
) -> None:
    levels = changes.get("levels")
    settings = changes.get("settings", GOLDEN) if levels is None else replace(GOLDEN, levels=levels)
    others = {name: value for name, value in changes.items() if name not in {"levels", "settings"}}
    verdict = _assess(*resources, settings=settings, **others)

    assert verdict.lane is Lane.MANUAL
    assert {reason.why for reason in verdict.reasons} == {why}
    assert text in verdict.reasons[0].text


def test_what_is_on_the_approved_lists_needs_nobody() -> None:
    code = "import json, os\nimport numpy as np\nfrom own import part\n"

    assert _assess(_running(IMAGE), _code(code), settings=GOLDEN).lane is Lane.AUTO


@pytest.mark.parametrize(
    ("entry", "base", "lane", "status"),
    [
        (_exception(), Base(exceptions=(_exception(),)), Lane.AUTO, ExceptionStatus.USED),
        (_exception(), Base(exceptions=()), Lane.MANUAL, ExceptionStatus.USED),
        (_exception(), Base(), Lane.MANUAL, ExceptionStatus.USED),
        (
            _exception(expires=date(2027, 1, 1)),
            Base(exceptions=(_exception(),)),
            Lane.MANUAL,
            ExceptionStatus.USED,
        ),
        (
            _exception(expires=date(2026, 5, 31)),
            Base(exceptions=()),
            Lane.REFUSED,
            ExceptionStatus.EXPIRED,
        ),
        (_exception("gone"), Base(exceptions=(_exception("gone"),)), Lane.REFUSED, ExceptionStatus.UNMATCHED),
        (_exception(rule="ACME-TAG-002"), Base(exceptions=()), Lane.REFUSED, ExceptionStatus.UNMATCHED),
    ],
    ids=["agreed", "new", "no base", "extended", "expired", "unmatched", "other rule"],
)
def test_an_exception_is_counted_apart_and_only_while_it_holds(
    entry: PolicyException, base: Base, lane: Lane, status: ExceptionStatus
) -> None:
    verdict = _assess(_bucket("data", None), settings=GateSettings(exceptions=(entry,)), base=base)

    assert verdict.lane is lane
    assert [use.status for use in verdict.exceptions] == [status]
    assert verdict.counts["pass"] == 0
    assert verdict.counts["fail"] == (0 if status is ExceptionStatus.USED else 1)


def test_more_exceptions_than_agreed_are_refused() -> None:
    settings = GateSettings(exceptions=(_exception(),), maximum_exceptions=0)
    verdict = _assess(_bucket("data", None), settings=settings, base=Base(exceptions=(_exception(),)))

    assert verdict.lane is Lane.REFUSED
    assert "1 exceptions are in use, and 0 are allowed" in verdict.rows[0].message


@pytest.mark.parametrize("missing", ["reason", "owner", "ticket", "compensating_control", "expires"])
def test_an_exception_without_all_its_parts_is_none(missing: str) -> None:
    fields = {
        "rule": '"A"',
        "resource": '"r"',
        "reason": '"r"',
        "owner": '"o"',
        "ticket": '"t"',
        "compensating_control": '"c"',
        "expires": "2026-12-31",
    }
    lines = [f"{name} = {value}" for name, value in fields.items() if name != missing]

    with pytest.raises(DataFileError, match=f"{missing} is missing"):
        parse_exceptions("\n".join(["[[exception]]", *lines]), "exceptions.toml")


def test_controls_say_how_they_stand_also_where_no_rule_does() -> None:
    other = _rule("ACME-TAG-002", resources=("aws:sqs/queue:Queue",))
    controls = {
        "1": ((RULE.id, other.id), Standing.FAILED),
        "2": ((other.id,), Standing.NOT_APPLICABLE),
        "3": ((), Standing.NOT_COVERED),
    }
    framework = Framework(
        id="acme",
        title="Acme",
        source="s",
        version="1",
        controls=tuple(Control(id=name, title=name, rules=rules) for name, (rules, _) in controls.items()),
    )
    verdict = _assess(_bucket("data", None), rules=(RULE, other), frameworks=(framework,))

    assert {item.control.id: item.standing for item in verdict.standings} == {
        name: standing for name, (_, standing) in controls.items()
    }
    assert verdict.rows[0].controls == ("acme 1",)


def _everything() -> Verdict:
    """A verdict with a secret in every place that a report could show."""
    secret = _bucket("data", SECRET, secrets=frozenset({"owner"}), source="stacks/a b.py:3")
    leaking = _rule("ACME-LEAK-001")

    @leaking.check
    def _(resource: Resource, intent: Intent) -> Answers:
        yield Finding(path="other", got=f"x {SECRET}", want=f"no {SECRET}")
        yield Undecided(path="later")

    return _assess(
        secret,
        _running(SECRET),
        _bucket("odd | <b>\n", None),
        rules=(RULE, leaking),
        settings=replace(GOLDEN, exceptions=(_exception(),)),
        secret_texts=frozenset({SECRET}),
        prices=load_prices(),
        plan=Plan(
            changes=(Change(operation=Operation.CREATE, urn=secret.urn, type=BUCKET),), against="nothing"
        ),
    )


def test_no_form_of_a_report_shows_a_secret() -> None:
    verdict = _everything()
    evidence = bundle(verdict, {"state": "0"})
    texts = [
        markdown(verdict, digest(evidence)),
        json.dumps(document(verdict, digest(evidence))),
        json.dumps(sarif(verdict, "0.1.0", "stacks/__main__.py")),
        junit([verdict]),
        json.dumps(evidence),
    ]

    for text in texts:
        assert SECRET not in text
        assert "ACME-LEAK-001" in text


def test_sarif_is_valid_and_points_to_the_line() -> None:
    log = sarif(_everything(), "0.1.0", "stacks/__main__.py")

    jsonschema.Draft4Validator(SCHEMA).validate(log)
    places = [result["locations"][0]["physicalLocation"] for result in log["runs"][0]["results"]]
    assert {place["artifactLocation"]["uri"] for place in places} == {"stacks/a%20b.py", "stacks/__main__.py"}
    assert {place["region"]["startLine"] for place in places} == {1, 3}
    for result in log["runs"][0]["results"]:
        assert log["runs"][0]["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]


def test_junit_is_xml_that_counts_right() -> None:
    suites = ElementTree.fromstring(junit([_everything(), _assess(_bucket("data"))]))

    assert len(suites.findall("testsuite")) == 2
    assert suites.get("tests") == str(len(suites.findall("testsuite/testcase")))
    assert suites.get("failures") == str(len(suites.findall("testsuite/testcase/failure")))


def test_markdown_begins_with_the_verdict_then_what_to_do_then_the_rest_folded() -> None:
    text = markdown(_everything(), "sha256:0")

    assert text.startswith("## Headway gate: prod is refused\n")
    order = [text.index(part) for part in ("First: ", "### What to change", "### What a person", "<details>")]
    assert order == sorted(order)
    assert "<b>" not in text
    assert text.count("<details>") == text.count("</details>")


def test_the_same_inputs_give_the_same_digest_and_any_other_another() -> None:
    one, same = (digest(bundle(_everything(), {"state": "0"})) for _ in range(2))

    assert one == same
    assert digest(bundle(_everything(), {"state": "1"})) != one
    assert digest(bundle(_assess(_bucket("data")), {"state": "0"})) != one


def _edges(count: int) -> tuple[Resource, ...]:
    """Endpoints with a configuration, an alarm, a rule on it, a schedule, a function and its plan each."""

    def made(type_: str, called: str, **properties: object) -> Resource:
        return Resource(type=type_, name=called, urn=f"urn:{type_}::{called}", properties=properties)

    found = []
    for item in range(count):
        pattern = {"source": ["aws.cloudwatch"], "detail": {"alarmName": [f"a{item}"]}}
        variables = {"variables": {"ENDPOINT": f"e{item}", "PLAN": f"/p{item}"}}
        found += [
            made(
                "aws:sagemaker/endpoint:Endpoint", f"e{item}", name=f"e{item}", endpointConfigName=f"c{item}"
            ),
            made("aws:sagemaker/endpointConfiguration:EndpointConfiguration", f"c{item}", name=f"c{item}"),
            made(
                *("aws:cloudwatch/metricAlarm:MetricAlarm", f"a{item}"),
                name=f"a{item}",
                namespace="Headway/Drift",
                metricName="psi",
                dimensions={"Endpoint": f"e{item}"},
            ),
            made("aws:cloudwatch/eventRule:EventRule", f"r{item}", eventPattern=json.dumps(pattern)),
            made(
                *("aws:scheduler/schedule:Schedule", f"s{item}"),
                target={"input": json.dumps({"endpoint": f"e{item}"})},
            ),
            made("aws:lambda/function:Function", f"f{item}", environment=variables),
            made("aws:ssm/parameter:Parameter", f"p{item}", name=f"/p{item}", value='{"ladder": []}'),
        ]
    return tuple(found)


def test_many_edges_are_looked_up_and_not_compared_one_by_one() -> None:
    """Ten times the resources are ten times the calls, give or take: counted, since a clock tells little."""

    def calls(count: int) -> int:
        total = 0

        def count_calls(_frame: object, event: str, _argument: object) -> None:
            nonlocal total
            total += event == "call"

        resources = _edges(count)
        sys.setprofile(count_calls)
        try:
            found = list(judge(all_rules(), resources, PRODUCTION))
        finally:
            sys.setprofile(None)
        assert not [item for item in found if item.error]
        return total

    few, many = calls(10), calls(100)

    assert many < 15 * few
