"""`headway gate` as people and programs run it: a real process, its exit code, its two streams, its files."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from typer.main import get_command

from headway_cli.gate.running import STATE_OPTIONS, plain_state_arguments
from headway_cli.main import application

BUCKET = "aws:s3/bucket:Bucket"
CONFIG = "aws:sagemaker/endpointConfiguration:EndpointConfiguration"
MARK, SECRET = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"
TAGS = {"headway:environment": "prod", "headway:data-classification": "internal"}
FLEET = "aws:gamelift/fleet:Fleet"
KEYS = {"lane", "outcomes", "findings", "exceptions", "unjudged", "digest"}


@dataclass
class Gate:
    """A project of one's own, and the command in it."""

    directory: Path

    def __call__(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("HEADWAY_", "AWS_"))
        }
        return subprocess.run(
            [sys.executable, "-m", "headway_cli", "gate", *arguments],
            cwd=self.directory,
            env=kept,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def judge(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """The exit code and the document."""
        done = self(*arguments, "--format", "json")
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    def write(self, name: str, text: str) -> None:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    directory = tmp_path / "a project"
    directory.mkdir()
    (directory / "Pulumi.yaml").write_text("name: shop\nruntime: python\n", "utf-8")
    return Gate(directory)


def _resource(type_: str, name: str, **inputs: Any) -> dict[str, Any]:
    return {
        "urn": f"urn:pulumi:prod::shop::{type_}::{name}",
        "type": type_,
        "custom": True,
        "id": name,
        "inputs": inputs,
        "outputs": inputs,
    }


def _state(*resources: dict[str, Any]) -> str:
    return json.dumps({"version": 3, "deployment": {"manifest": {}, "resources": list(resources)}})


KEPT = _state(_resource(FLEET, "fleet", tags=TAGS))
BROKEN = _state(_resource(BUCKET, "data", bucket="data", tags=TAGS))
ONLY_INTENT = json.dumps({"all": "disabled", "HEADWAY-STK-001": "mandatory"})


def test_a_state_is_refused_with_every_key_of_the_document(gate: Gate) -> None:
    gate.write("state.json", BROKEN)
    code, document = gate.judge("--state", "state.json")

    assert code == 1
    assert set(document) == KEYS
    assert document["lane"] == "refused"
    assert set(document["outcomes"]) == {"pass", "fail", "undecided", "not_applicable"}
    finding = next(item for item in document["findings"] if item["rule"] == "HEADWAY-PUB-002")
    assert set(finding) == {
        *("rule", "resource", "type", "outcome", "property", "message", "fix", "controls"),
    }
    assert finding["resource"].endswith("::data")
    assert document["digest"].startswith("sha256:")


def test_what_nothing_speaks_against_ships_and_unknown_types_are_counted(gate: Gate) -> None:
    gate.write("state.json", KEPT)
    gate.write(
        "Pulumi.prod.yaml", "config:\n  headway:environment: dev\n  headway:dataClassification: public\n"
    )
    levels = gate.directory / "levels.json"
    levels.write_text("{}")
    code, document = gate.judge("--state", "state.json")

    assert document["unjudged"] == [{"type": FLEET, "count": 1}]
    assert code == {"auto": 0, "refused": 1, "manual": 3}[document["lane"]]


def test_rules_that_are_turned_off_send_a_change_to_a_person(gate: Gate) -> None:
    gate.write("state.json", BROKEN)
    gate.write("levels.json", ONLY_INTENT)
    code, document = gate.judge("--state", "state.json", "--policy-pack-config", "levels.json")

    assert (code, document["lane"]) == (3, "manual")
    assert {item["rule"] for item in document["findings"]} == {"lane/rule-off"}


def test_a_state_without_intent_says_how_to_declare_it_and_takes_settings(gate: Gate) -> None:
    gate.write("state.json", _state(_resource(FLEET, "fleet")))
    gate.write(
        "Pulumi.prod.yaml", "config:\n  headway:environment: prod\n  headway:dataClassification: internal\n"
    )
    gate.write("levels.json", ONLY_INTENT)
    options = ("--state", "state.json", "--policy-pack-config", "levels.json")
    _, without = gate.judge(*options)
    _, told = gate.judge(*options, "--config-file", "Pulumi.prod.yaml")

    assert {item["rule"] for item in without["findings"]} >= {"HEADWAY-STK-001"}
    assert "--config-file" in next(item["fix"] for item in without["findings"])
    assert "HEADWAY-STK-001" not in {item["rule"] for item in told["findings"]}


def test_every_form_and_the_evidence_are_written_and_no_secret_is_in_any(gate: Gate) -> None:
    secret = {MARK: SECRET, "plaintext": json.dumps("correct horse battery")}
    quoted = {MARK: SECRET, "plaintext": json.dumps('it\'s "correct horse"\n')}
    policy = {
        MARK: SECRET,
        "plaintext": json.dumps(json.dumps({"Statement": {"Effect": "Allow", "Action": "*"}})),
    }
    gate.write(
        "state.json",
        _state(
            _resource(BUCKET, "data", bucket=secret, tags=TAGS),
            _resource("aws:iam/rolePolicy:RolePolicy", "all", policy=policy),
            _resource("aws:lambda/function:Function", "f", environment={"variables": {"PASSWORD": secret}}),
            _resource(CONFIG, "c", kmsKeyArn=quoted, productionVariants=[{"instanceType": secret}]),
            _resource(
                "aws:sagemaker/model:Model", "m", primaryContainer={"image": 'it\'s "correct horse"\n'}
            ),
        ),
    )
    shown = [
        gate("--state", "state.json", "--out", "out", "--format", form).stdout for form in ("md", "sarif")
    ]
    written = {path.name: path.read_text("utf-8") for path in (gate.directory / "out").iterdir()}

    assert set(written) == {"prod.md", "prod.sarif", "prod.junit.xml", "prod.json", "prod.evidence.json"}
    for text in [*shown, *written.values()]:
        assert "correct horse" not in text
    ElementTree.fromstring(written["prod.junit.xml"])
    evidence = json.loads(written["prod.evidence.json"])
    assert evidence["digest"] == json.loads(written["prod.json"])["digest"]
    assert {"outcomes", "exceptions", "frameworks", "lane", "inputs", "plan"} <= set(evidence)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--state", "nowhere.json"], "cannot be read"),
        (["--state", "damaged.json"], "is not JSON"),
        (["--state", "damaged.json", "--stack", "prod"], "choose one"),
        (["--stack", "nowhere"], "no settings for a stack 'nowhere'"),
        (["--state", "state.json", "--policies", "nowhere"], "no folder"),
        (["--state", "state.json", "--base", "nowhere"], "no revision 'nowhere'"),
        (["--state", "state.json", "--policy-pack-config", "damaged.json"], "is not JSON"),
        (["--state", "state.json", "--policy-pack-config", "typo.json"], "is HEADWAY-PUB-002 meant?"),
        (["--format", "html"], "html"),
    ],
)
def test_wrong_use_is_told_from_a_refusal(gate: Gate, arguments: list[str], said: str) -> None:
    gate.write("state.json", KEPT)
    gate.write("damaged.json", '{"version": 3, "deploy')
    gate.write("typo.json", '{"all": "advisory", "HEADWAY-PUB-02": "mandatory"}')
    done = gate(*arguments)

    assert done.returncode == (1 if "--policy-pack-config" in arguments else 2), done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


TEAM = 'rules = ["rules"]\n'


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("gate.toml", "golden_path = 1\n", "golden_path is 1, want a table"),
        ("gate.toml", "golden_path = [\n", "gate.toml"),
        ("gate.toml", 'rules = ["nowhere"]\n', "nowhere"),
        ("exceptions.toml", "[[exception]]\nrule = 1\n", "owner is missing"),
        ("exceptions.toml", "[[exception]\n", "exceptions.toml"),
        ("rules/a.py", "def check(:\n", "a.py cannot be loaded: SyntaxError"),
        ("rules/a.py", "raise SystemExit(0)\n", "a.py cannot be loaded: SystemExit"),
        ("rules/a.py", "import nowhere\n", "a.py cannot be loaded: ModuleNotFoundError"),
        ("rules/a.py", "", "a.py holds no rule"),
    ],
)
def test_what_cannot_be_taken_as_it_is_closes_the_gate(gate: Gate, name: str, text: str, said: str) -> None:
    gate.write("state.json", KEPT)
    gate.write("policies/gate.toml", TEAM if name.startswith("rules/") else "")
    gate.write(f"policies/{name}", text)
    done = gate("--state", "state.json")

    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_team_adds_a_rule_of_its_own(gate: Gate) -> None:
    made = gate("new-rule", "ACME-DSC-001", "A fleet says what it is for", FLEET)
    assert made.returncode == 0, made.stderr
    gate.write("policies/gate.toml", 'rules = ["rules"]\n')
    gate.write("state.json", KEPT)
    _, document = gate.judge("--state", "state.json")
    again = gate("new-rule", "ACME-DSC-001", "A fleet says what it is for", FLEET)

    assert "ACME-DSC-001" in {item["rule"] for item in document["findings"]}
    assert document["unjudged"] == []
    assert again.returncode == 1
    wrong = gate("new-rule", "HEADWAY-X-1", "short", "bucket")
    assert wrong.returncode == 2
    for part in ("HEADWAY-X-1", "'bucket'", "'short'"):
        assert part in wrong.stderr


def test_an_exception_is_new_against_a_base_and_agreed_once_it_is_there(gate: Gate) -> None:
    def git(*arguments: str) -> None:
        own = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *own, *arguments], cwd=gate.directory, check=True, capture_output=True)

    entries = [
        f'[[exception]]\nrule = "{rule}"\nresource = "data"\nreason = "r"\nowner = "o"\nticket = "t"\n'
        'expires = 2099-01-01\ncompensating_control = "c"\n'
        for rule in ("HEADWAY-PUB-002",)
    ]
    gate.write("state.json", BROKEN)
    gate.write("levels.json", json.dumps({"all": "disabled", "HEADWAY-PUB-002": "mandatory"}))
    git("init", "-q", "-b", "main")
    gate.write("policies/gate.toml", "")
    git("add", ".")
    git("commit", "-qm", "one")
    gate.write("policies/exceptions.toml", "\n".join(entries))
    options = ("--state", "state.json", "--policy-pack-config", "levels.json", "--base", "main")
    _, new = gate.judge(*options)
    git("add", ".")
    git("commit", "-qm", "two")
    _, agreed = gate.judge(*options)

    assert "lane/exception" in {item["rule"] for item in new["findings"]}
    assert "lane/exception" not in {item["rule"] for item in agreed["findings"]}
    assert [item["status"] for item in agreed["exceptions"]] == ["used"]
    assert agreed["outcomes"]["fail"] == 0


@pytest.mark.parametrize(
    "name",
    ["../../elsewhere", "..", "half a \ud800 character", "*?|<>\r\n", "\x1b[2J\u202e"],
    ids=ascii,
)
def test_no_name_in_a_state_leads_elsewhere_or_breaks_a_form(gate: Gate, name: str) -> None:
    item = {**_resource(BUCKET, name, bucket=name), "urn": f"urn:pulumi:{name}::shop::{BUCKET}::{name}"}
    gate.write("state.json", _state(item))
    before = set(gate.directory.parent.rglob("*"))
    done = gate("--state", "state.json", "--out", "out")

    assert done.returncode == 1, done.stderr
    assert not {"\x1b", "\u202e"} & set(done.stdout)
    assert {path.parent for path in set(gate.directory.parent.rglob("*")) - before} <= {
        gate.directory,
        gate.directory / "out",
    }
    assert len(list((gate.directory / "out").iterdir())) == 5


def test_a_state_of_five_thousand_resources_gets_a_verdict(gate: Gate) -> None:
    names = [f"r{position}" for position in range(2500)]
    gate.write(
        "state.json",
        _state(
            *(_resource(type_, name, bucket=name, tags=TAGS) for name in names for type_ in (BUCKET, FLEET))
        ),
    )
    code, document = gate.judge("--state", "state.json")

    assert code == 1
    assert document["unjudged"] == [{"type": FLEET, "count": 2500}]
    assert len([item for item in document["findings"] if item["rule"] == "HEADWAY-PUB-002"]) == 2500


def test_the_short_way_to_judge_a_state_knows_the_options_of_the_command() -> None:
    command = get_command(application(["gate"])).commands["gate"]  # type: ignore[attr-defined]
    known = {option: parameter.name for parameter in command.params for option in parameter.opts}

    assert set(STATE_OPTIONS.items()) <= set(known.items())
    assert set(known) - set(STATE_OPTIONS) == {"--stack", "-s", "--help"} & set(known)


@pytest.mark.parametrize(
    ("words", "plain"),
    [
        (["--state", "f"], True),
        (["--state", "f", "--format", "json"], True),
        (["--format", "json"], False),
        (["--state", "f", "--format", "html"], False),
        (["--state"], False),
        (["--state", "--out"], False),
        (["--state", "f", "--state", "g"], False),
        (["--state", "f", "--colour", "red"], False),
        (["--state=f"], False),
        (["--state", "f", "--help"], False),
        (["new-rule", "--help"], False),
    ],
)
def test_only_what_is_plain_goes_the_short_way(words: list[str], plain: bool) -> None:
    assert (plain_state_arguments(words) is not None) is plain


def test_both_ways_to_judge_a_state_say_the_same(gate: Gate) -> None:
    gate.write("state.json", BROKEN)

    short = gate("--state", "state.json", "--format", "json")
    long = gate("--state=state.json", "--format=json")
    assert (short.returncode, short.stdout) == (long.returncode, long.stdout)


def test_what_is_deployed_tells_of_a_class_that_rises_and_of_data_that_goes(gate: Gate) -> None:
    lower = {"headway:environment": "prod", "headway:data-classification": "public"}
    gate.write("before.json", _state(_resource(BUCKET, "old", tags=lower)))
    gate.write("state.json", KEPT)
    _, document = gate.judge("--state", "state.json", "--previous", "before.json")

    texts = [item["message"] for item in document["findings"] if item["outcome"] == "manual"]
    assert "the data's class rises from public to internal" in texts
    assert "Bucket old holds data and is deleted" in texts
