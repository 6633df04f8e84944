"""Declarations: what is right loads, what is wrong says everything that is wrong and what to do."""

import subprocess
import sys
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic import ValidationError

import headway_components
from headway_components import (
    Declaration,
    DeclarationError,
    Deployment,
    EvaluationSpec,
    Feature,
    FeatureContract,
    FieldType,
    InferenceContract,
    ModelSignature,
    ModelSpec,
    MonitoringContract,
    ReleasePlan,
    SystemSpec,
    TrainingSpec,
)
from headway_runtime.contract import Contract, signature_of
from support.example_system import BASELINE, CONTRACT, DEFAULTS, LOCAL_IMAGE, MAX, PAYMENTS, TRAINING

FEATURE = {"name": "x", "type": "number"}
DEPLOYMENT = {"environment": "dev", "account_id": "0" * 12, "region": "eu-west-1", "image": LOCAL_IMAGE}
TRAINING_FIELDS = TRAINING.plain()


def inference(**changes: Any) -> dict[str, Any]:
    return {"name": "fraud", "inputs": [FEATURE], **changes}


CASES: list[tuple[str, type[Declaration], Any, list[str]]] = [
    ("missing", InferenceContract, {}, ["name: is required; add it", "inputs: is required; add it"]),
    (
        "typo",
        InferenceContract,
        inference(inptus=1),
        ["inptus: is not a field, got 1; did you mean 'inputs'?"],
    ),
    (
        "unknown",
        Feature,
        {**FEATURE, "colour": 1},
        ["colour: is not a field, got 1; remove it; the fields are name,"],
    ),
    ("name", InferenceContract, inference(name="A b"), ["name: ", "got 'A b'", "match the pattern"]),
    ("no inputs", InferenceContract, inference(inputs=[]), ["inputs: ", "give at least 1"]),
    (
        "type",
        Feature,
        {"name": "x", "type": "int"},
        ["type: ", "got 'int'", "use one of 'string', 'integer'"],
    ),
    ("reserved", Feature, {"name": "label", "type": "string"}, ["'label'", "choose another name"]),
    ("bounds", Feature, {**FEATURE, "minimum": 3, "maximum": 1}, ["minimum: is above maximum 1, got 3.0"]),
    (
        "infinite",
        Feature,
        {**FEATURE, "maximum": float("inf")},
        ["maximum: must be a finite number, got inf"],
    ),
    (
        "text bounds",
        Feature,
        {"name": "x", "type": "string", "minimum": 1},
        ["minimum: belongs to types integer"],
    ),
    ("number values", Feature, {**FEATURE, "values": ["a"]}, ["values: belongs to type string, not number"]),
    ("closed", Feature, {"name": "x", "type": "string", "closed": True}, ["closed: ", "add values"]),
    ("repeat", Feature, {"name": "x", "type": "string", "values": ["a", "a"]}, ["values: repeats", "once"]),
    ("no value", Feature, {"name": "x", "type": "string", "values": []}, ["values: names no category"]),
    (
        "two names",
        InferenceContract,
        inference(inputs=[FEATURE, FEATURE]),
        ["inputs: has this name 2 times, got 'x'"],
    ),
    (
        "prior",
        InferenceContract,
        inference(output={"prior": 2}),
        ["output.prior: must lie in 0 to 1, got 2.0"],
    ),
    ("version", InferenceContract, inference(version=0), ["version: ", "got 0", "give 1 or more"]),
    (
        "sampling",
        MonitoringContract,
        {"capture_sampling_pct": 101},
        ["capture_sampling_pct", "give 100 or less"],
    ),
    ("period", MonitoringContract, {"period_s": 90}, ["period_s", "got 90"]),
    (
        "date",
        TrainingSpec,
        {**TRAINING_FIELDS, "train_until": "soon"},
        ["train_until: is not a date, got 'soon'"],
    ),
    (
        "dates",
        TrainingSpec,
        {**TRAINING_FIELDS, "train_until": "2026-03-01"},
        ["train_until: leaves no row to judge before evaluate_until 2026-03-01"],
    ),
    (
        "entry point",
        TrainingSpec,
        {**TRAINING_FIELDS, "ingest": "fraud.data"},
        ["ingest: ", "got 'fraud.data'"],
    ),
    (
        "code",
        TrainingSpec,
        {**TRAINING_FIELDS, "code": ["../x.py"]},
        [
            "code.0: must be a path below",
            "ingest: names a module that is not among",
            "add fraud/data.py to code",
        ],
    ),
    (
        "instance",
        TrainingSpec,
        {**TRAINING_FIELDS, "instance_type": "m5.large"},
        ["instance_type", "'m5.large'"],
    ),
    (
        "rounds",
        TrainingSpec,
        {**TRAINING_FIELDS, "algorithm": {"num_boost_round": 0}},
        ["algorithm.num_boost_round"],
    ),
    (
        "auc",
        EvaluationSpec,
        {"minimum_auc": 0.8, "maximum_auc": 0.7},
        ["minimum_auc: must be below maximum_auc 0.7"],
    ),
    (
        "no threshold",
        EvaluationSpec,
        {"floor": "base-rate", "maximum_auc": 0.8},
        ["minimum_logloss_improvement: asks for nothing", "raise it above 0, or minimum_auc above 0.5"],
    ),
    ("slices", EvaluationSpec, {"slices": ["a b"]}, ["slices.0: is not the name of a column, got 'a b'"]),
    ("duration", ReleasePlan, {"maximum_duration_s": 1}, ["maximum_duration_s", "give 60 or more"]),
    (
        "untrained",
        ModelSpec,
        {"name": "m", "source": "trained"},
        ["signature: is required", "training:", "evaluation:"],
    ),
    (
        "overtrained",
        ModelSpec,
        {"name": "m", "source": "placeholder", "training": TRAINING_FIELDS},
        ["training: does not belong to a placeholder"],
    ),
    ("logs", SystemSpec, {**DEFAULTS.plain(), "compliance": {"log_retention_days": 8}}, ["got 8", "use 14"]),
    (
        "renamed",
        SystemSpec,
        {**DEFAULTS.plain(), "name": "churn"},
        ["contract.name: must be the system's name"],
    ),
    (
        "account",
        Deployment,
        {**DEPLOYMENT, "account_id": 12},
        ["account_id", "got 12", "give text in quotes"],
    ),
    (
        "unpinned",
        Deployment,
        {**DEPLOYMENT, "image": "a:latest"},
        ["image: is not pinned by its digest, got 'a:latest'"],
    ),
    ("count", Deployment, {**DEPLOYMENT, "instance_count": 0}, ["instance_count", "give 1 or more"]),
]


@pytest.mark.parametrize(
    ("declaration", "value", "says"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_every_mistake_names_field_value_and_fix(
    declaration: type[Declaration], value: Any, says: list[str]
) -> None:
    with pytest.raises(DeclarationError) as caught:
        declaration.load(value)

    for text in says:
        assert text in str(caught.value)
    assert all(problem.fix for problem in caught.value.problems)


def test_all_problems_come_in_one_error() -> None:
    wrong = {
        "name": "Fraud",
        "contract": inference(inputs=[{"name": "label", "type": "text"}, {"type": "number"}]),
        "model": {"name": "m", "source": "trained"},
        "releaze": {},
    }
    with pytest.raises(DeclarationError) as caught:
        SystemSpec.load(wrong)
    fields = {problem.field for problem in caught.value.problems}

    assert fields >= {
        "name",
        "contract.inputs.0.type",
        "contract.inputs.1.name",
        "model.signature",
        "releaze",
    }
    assert f"{len(caught.value.problems)} problems" in str(caught.value)


def test_a_mistake_in_python_reads_like_one_in_yaml() -> None:
    with pytest.raises(DeclarationError) as in_python:
        Feature(name="x", type=FieldType.STRING, minimum=1)
    with pytest.raises(DeclarationError) as in_yaml:
        Feature.load({"name": "x", "type": "string", "minimum": 1})

    assert str(in_python.value) == str(in_yaml.value)


def test_a_long_value_is_shortened() -> None:
    with pytest.raises(DeclarationError) as caught:
        Feature.load({"name": "x" * 500 + " ", "type": "number"})

    assert max(len(line) for line in str(caught.value).splitlines()) < 250


@pytest.mark.parametrize("spec", [DEFAULTS, MAX], ids=["defaults", "max"])
def test_a_declaration_survives_yaml(spec: SystemSpec) -> None:
    again = SystemSpec.load(yaml.safe_load(yaml.safe_dump(spec.plain())))

    assert again == spec
    assert again.digest() == spec.digest()


def test_yaml_dates_need_no_quotes() -> None:
    text = yaml.safe_dump({**TRAINING_FIELDS, "train_until": None}).replace("null", "2026-01-01")

    assert TrainingSpec.load(yaml.safe_load(text)) == TRAINING


def test_declarations_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        DEFAULTS.name = "other"  # type: ignore[misc]


def test_a_digest_identifies_the_content() -> None:
    other = MonitoringContract(period_s=120)

    assert MonitoringContract().digest() == MonitoringContract(period_s=60).digest()
    assert MonitoringContract().digest() != other.digest()


def test_the_contract_is_the_one_that_the_runtime_reads() -> None:
    document = MAX.contract.document()

    assert Contract.from_document(document).document() == document
    assert MAX.contract.digest() == Contract.from_document(document).digest
    assert ModelSignature.over(PAYMENTS).plain() == signature_of(Contract.from_document(document))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda features: features[1:], ["the model lacks input 'amount' (number)"]),
        (
            lambda features: [*features, Feature(name="extra", type=FieldType.STRING)],
            ["the model needs input 'extra' (string)"],
        ),
        (
            lambda features: [Feature(name="amount", type=FieldType.INTEGER), *features[1:]],
            ["takes input 'amount' as integer, contract 'fraud' gives it as number"],
        ),
        (
            lambda features: [Feature(name="price", type=FieldType.NUMBER), *features[1:]],
            ["lacks input 'amount'", "needs input 'price'"],
        ),
    ],
    ids=["lacks", "extra", "type", "renamed"],
)
def test_a_model_that_breaks_the_contract_is_refused_with_all_problems(change: Any, says: list[str]) -> None:
    features = PAYMENTS.model_copy(update={"features": change(list(PAYMENTS.features))})
    model = BASELINE.model_copy(update={"signature": ModelSignature.over(features)})

    with pytest.raises(DeclarationError) as caught:
        SystemSpec(name="fraud", contract=CONTRACT, model=model)

    for text in says:
        assert text in str(caught.value)


def test_a_contract_may_only_ask_for_what_is_delivered() -> None:
    less = FeatureContract(name="payments", entity=["payment"], features=list(PAYMENTS.features)[:2])

    with pytest.raises(
        DeclarationError, match="'weekday', which feature contract 'payments' does not deliver"
    ):
        SystemSpec(name="fraud", contract=CONTRACT, model=ModelSpec.placeholder(), features=less)


def test_columns_of_feature_code_become_a_contract() -> None:
    class Column:
        name, type, minimum, known_at = "distance", "number", 0, "scheduling"
        sql = "flights.distance"

    contract = FeatureContract.of("flights", [Column()], entity=["flight"])

    distance = Feature(name="distance", type=FieldType.NUMBER, minimum=0, sql="flights.distance")
    assert contract.features == [distance]


def test_every_declaration_has_a_json_schema_that_takes_its_own_values() -> None:
    for spec in (DEFAULTS, MAX):
        jsonschema.validate(spec.plain(), SystemSpec.model_json_schema())


def test_declarations_load_without_pulumi() -> None:
    code = (
        "import sys, headway_components as h; h.SystemSpec, h.Deployment; sys.exit('pulumi' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_public_name_exists() -> None:
    for name in headway_components.__all__:
        assert getattr(headway_components, name) is not None


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"ladder": [1, 5, 5, 100]}, "ladder: must rise from stage to stage, got [1, 5, 5, 100]"),
        ({"ladder": [1, 50]}, "ladder: must end at 100, got [1, 50]; add 100"),
        ({"ladder": []}, "ladder: "),
        (
            {"metrics": [{"name": "errors"}, {"name": "errors"}]},
            "metrics: is declared more than once, got 'errors'; declare it once",
        ),
        (
            {"metrics": [{"name": "cost_per_thousand_usd"}], "prices": {"instance_hour_usd": 0.2}},
            "set ceiling, in US dollars per 1,000 requests, or tolerance_ratio above 1",
        ),
        (
            {"metrics": [{"name": "cost_per_thousand_usd", "ceiling": 1}], "prices": {}},
            "is measured with prices, and none are declared",
        ),
        ({"metrics": [{"name": "quality"}]}, "is measured with labels that come later, and none are"),
        ({"metrics": [{"name": "divergence"}], "shadow": None}, "is measured in the shadow alone"),
        ({"labels": {"prefix": "../other"}}, "labels.prefix: "),
        (
            {"metrics": [{"name": "errors"}], "divergence_slices": ["carrier"]},
            "divergence_slices: belongs to",
        ),
        (
            {"expected_requests_per_s": 2, "ladder": [1, 100]},
            "ladder.0.samples: is more than the 72 requests that 2 requests a second bring in 3,600 s",
        ),
        (
            {"expected_requests_per_s": 100, "maximum_duration_s": 600},
            "maximum_duration_s: is less than the 655 s in which 100 requests a second fill every stage",
        ),
    ],
)
def test_a_release_that_cannot_be_carried_out_is_refused(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        ReleasePlan.load(fields)

    assert says in str(caught.value)


def test_a_null_that_was_written_stays_one() -> None:
    plan = ReleasePlan(shadow=None, error_budget=None)

    assert ReleasePlan.load(plan.plain()) == plan
    assert plan.document()["shadow"] is None


def test_a_rehearsal_waits_for_fewer_samples_and_rules_out_as_much() -> None:
    plan = ReleasePlan()
    whole, rehearsal = plan.document(), plan.document(samples_pct=1)

    assert [stage["samples"] for stage in rehearsal["ladder"]] == [5] * 5
    assert [stage["rule_out_ratio"] for stage in rehearsal["ladder"]] == [10, 5, 3, 2, 2]
    assert {**rehearsal, "ladder": 0, "shadow": 0} == {**whole, "ladder": 0, "shadow": 0}
