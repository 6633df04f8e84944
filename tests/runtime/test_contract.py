"""A contract is read with every problem at once, has one digest, and gives a placeholder that honours it."""

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_runtime.contract import (
    CONTRACT_FILE,
    MODEL_FILE,
    SIGNATURE_FILE,
    ArchiveError,
    Contract,
    ContractError,
    canonical_json,
    contract_problems,
    digest,
    files_digest,
    placeholder_artifact,
    placeholder_value,
    signature_of,
    signature_problems,
    source_files,
    unpack,
)


def document(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "name": "flight-delay",
        "version": 1,
        "task": "binary-classification",
        "inputs": [
            {"name": "carrier", "type": "string", "nullable": False, "values": ["AA", "UA"]},
            {"name": "distance_mi", "type": "number", "nullable": False, "minimum": 0, "maximum": 6000},
            {"name": "scheduled_hour", "type": "integer", "nullable": True, "minimum": 0, "maximum": 23},
        ],
        "output": {"name": "probability", "type": "number", "minimum": 0.0, "maximum": 1.0},
    }
    return base | changes


def test_a_document_survives_being_read() -> None:
    contract = Contract.from_document(document())

    assert contract.document() == document()
    assert contract.input_names == ("carrier", "distance_mi", "scheduled_hour")
    assert contract.digest == digest(document())


def field(**keys: Any) -> list[dict[str, Any]]:
    return [{"name": "x", "type": "number"} | keys]


WRONG: list[tuple[object, str]] = [
    ([], "contract is []; it must be an object"),
    (document(name=""), "contract.name is ''; it must be a text"),
    (document(version=0), "contract.version is 0; it must be an integer from 1"),
    (document(version=True), "contract.version is True"),
    (document(task="guessing"), "contract.task is 'guessing'; it must be one of binary-classification"),
    (document(inputs=[]), "contract.inputs is []"),
    (document(colour="red"), "contract.colour is unknown; allowed are name"),
    (document(inputs=["carrier"]), "inputs[0] is 'carrier'; it must be an object"),
    (document(inputs=field(name="a b")), "inputs[0].name is 'a b'"),
    (document(inputs=field(type="money")), "inputs[0].type is 'money'; it must be one of string, integer"),
    (document(inputs=field(nullable="no")), "inputs[0].nullable is 'no'; it must be true or false"),
    (document(inputs=field(values=["a"])), "inputs[0].values is declared for type number"),
    (document(inputs=field(type="string", minimum=1)), "inputs[0].minimum is declared for type string"),
    (document(inputs=field(type="string", closed=True)), "inputs[0].closed is true without values"),
    (document(inputs=field(type="string", values=["a", "a"])), "inputs[0].values repeats 'a'"),
    (document(inputs=field(minimum=2, maximum=1)), "inputs[0].minimum 2 is above maximum 1"),
    (document(inputs=field(minimum=float("nan"))), "inputs[0].minimum is nan"),
    (document(inputs=field() + field()), "inputs has 'x' 2 times"),
    (document(inputs=field(name="label")), "inputs has the name 'label', which training data uses itself"),
    (document(output={"name": "p", "type": "string"}), "output.type is 'string'; it must be one of number"),
    (document(output={"type": "number"}), "output.name is missing"),
    (
        document(output={"name": "p", "type": "number", "minimum": 0, "maximum": 1, "prior": 2}),
        "output.prior is 2; it must lie in the output's range from 0 to 1",
    ),
]


@pytest.mark.parametrize(("wrong", "says"), WRONG, ids=[says for _, says in WRONG])
def test_a_wrong_document_names_place_value_and_fix(wrong: object, says: str) -> None:
    with pytest.raises(ContractError) as refused:
        Contract.from_document(wrong)

    assert any(says in problem for problem in refused.value.problems)


def test_all_problems_come_at_once() -> None:
    problems = contract_problems({"version": 0, "inputs": field(type="money"), "output": {}})

    assert len(problems) == 6  # name, version, task, the input's type, the output's name and type


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELD_LIKE = st.dictionaries(
    st.sampled_from(["name", "type", "values", "closed", "minimum", "maximum", "nullable", "prior"]),
    JSON_VALUES | st.sampled_from(["x", "number", "string"]),
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "name": JSON_VALUES,
            "version": JSON_VALUES,
            "task": st.just("binary-classification") | JSON_VALUES,
            "inputs": JSON_VALUES | st.lists(FIELD_LIKE | JSON_VALUES, max_size=3),
            "output": JSON_VALUES | FIELD_LIKE,
        },
    )
    | JSON_VALUES
)
def test_whatever_the_document_reading_it_gives_a_contract_or_its_problems(value: object) -> None:
    if problems := contract_problems(value):
        with pytest.raises(ContractError) as refused:
            Contract.from_document(value)
        assert refused.value.problems == tuple(problems)
    else:
        contract = Contract.from_document(value)
        assert Contract.from_document(contract.document()) == contract


def test_the_digest_ignores_key_order_and_how_a_whole_number_is_written() -> None:
    assert canonical_json({"b": 6000.0, "a": (1, 2)}) == b'{"a":[1,2],"b":6000}'
    assert digest({"a": 1, "b": 0.5}) == digest({"b": 0.5, "a": 1.0})
    assert digest({"a": 1}) != digest({"a": 2})
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(float("nan"))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda s: s, None),
        (lambda s: s | {"inputs": s["inputs"][1:]}, "lacks input 'carrier' (string)"),
        (
            lambda s: s | {"inputs": [*s["inputs"], {"name": "dep_delay", "type": "number"}]},
            "needs input 'dep_delay' (number), which contract 'flight-delay' does not have",
        ),
        (
            lambda s: s | {"inputs": [{"name": "carrier", "type": "number"}, *s["inputs"][1:]]},
            "takes input 'carrier' as number, contract 'flight-delay' gives it as string",
        ),
        (lambda s: s | {"inputs": s["inputs"][::-1]}, "in the order scheduled_hour, distance_mi, carrier"),
        (
            lambda s: s | {"output": {"name": "score", "type": "number"}},
            "answers 'score' (number), contract 'flight-delay' promises 'probability' (number)",
        ),
        (lambda s: {}, "the signature has no readable inputs and output"),
        (lambda s: {"inputs": 3, "output": None}, "the signature has no readable inputs and output"),
    ],
)
def test_a_signature_that_breaks_the_contract_is_told_so(change: Any, says: str | None) -> None:
    contract = Contract.from_document(document())
    problems = signature_problems(contract, change(signature_of(contract)))

    if says is None:
        assert problems == []
    else:
        assert len(problems) == 1
        assert says in problems[0]


@pytest.mark.parametrize(
    ("output", "value"),
    [
        ({"minimum": 0.0, "maximum": 1.0}, 0.5),
        ({"minimum": 0.0, "maximum": 1.0, "prior": 0.0}, 0.0),
        ({"minimum": 0.0, "maximum": 1.0, "prior": 0.2}, 0.2),
        ({"minimum": 3}, 3.0),
        ({"maximum": -1}, -1.0),
        ({}, 0.0),
    ],
)
def test_the_placeholder_answers_inside_the_range(output: dict[str, float], value: float) -> None:
    contract = Contract.from_document(document(output={"name": "probability", "type": "number"} | output))

    assert placeholder_value(contract) == value


def test_the_placeholder_artifact_is_equal_to_the_byte_and_says_what_it_is(tmp_path: Path) -> None:
    contract = Contract.from_document(document())
    path = tmp_path / "model.tar.gz"
    path.write_bytes(placeholder_artifact(contract))

    files = unpack(path)

    assert placeholder_artifact(Contract.from_document(document())) == path.read_bytes()
    assert json.loads(files[MODEL_FILE]) == {"kind": "placeholder", "value": 0.5}
    assert Contract.from_document(json.loads(files[CONTRACT_FILE])) == contract
    assert json.loads(files[SIGNATURE_FILE]) == signature_of(contract)
    with tarfile.open(path) as tar:
        assert [(member.name, member.mtime) for member in tar] == [(name, 0) for name in sorted(files)]


def test_an_archive_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "model.tar.gz"
    with pytest.raises(ArchiveError, match="there is no model archive at"):
        unpack(path)
    for content in (b"", b"nonsense", placeholder_artifact(Contract.from_document(document()))[:200]):
        path.write_bytes(content)
        with pytest.raises(ArchiveError, match="cannot be read"):
            unpack(path)


def test_a_code_digest_covers_names_and_bytes_and_nothing_compiled(tmp_path: Path) -> None:
    (tmp_path / "pkg/__pycache__").mkdir(parents=True)
    (tmp_path / "pkg/__pycache__/a.cpython-311.pyc").write_bytes(b"x")
    (tmp_path / "pkg/a.py").write_text("A = 1\n")
    (tmp_path / ".hidden").write_text("x")

    before = source_files(tmp_path)
    (tmp_path / "pkg/a.py").write_text("A = 2\n")
    after = source_files(tmp_path)

    assert before == {"pkg/a.py": b"A = 1\n"}
    assert files_digest(before) != files_digest(after)
