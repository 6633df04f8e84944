"""Names, paths and JSON shapes that infrastructure and runtime share: contracts, signatures, digests.

Only the standard library is used, because programs that declare infrastructure import this module too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headway_runtime.archive import ArchiveError, pack, unpack
from headway_runtime.canonical import canonical_json, digest, files_digest, source_files
from headway_runtime.contract_document import FIELD_TYPES, TASKS, ContractError, contract_problems

__all__ = [
    "FIELD_TYPES",
    "TASKS",
    "ArchiveError",
    "Contract",
    "ContractError",
    "InputField",
    "OutputField",
    "canonical_json",
    "contract_problems",
    "digest",
    "files_digest",
    "placeholder_artifact",
    "placeholder_value",
    "signature_of",
    "signature_problems",
    "source_files",
    "unpack",
]

CHANNEL_TRAIN = "train"
CHANNEL_CONTRACT = "contract"
CHANNEL_DATASET = "dataset"
CHANNEL_CODE = "code"
CHANNEL_DATA_CONTRACTS = "data-contracts"
CHANNEL_LANDING = "landing"
CHANNEL_GOOD = "good"
PROCESSING_INPUT = "/opt/ml/processing/input"
PROCESSING_OUTPUT = "/opt/ml/processing/output"
INPUT = PROCESSING_INPUT
OUTPUT = PROCESSING_OUTPUT

MANIFEST_FILE = "manifest.json"
CONTRACT_FILE = "contract.json"
SIGNATURE_FILE = "signature.json"
MODEL_FILE = "model.json"
TREES_FILE = "model.txt"
DATASET_FILE = "dataset.json"
TRAIN_FILE = "train.parquet"
EVALUATION_DATA_FILE = "evaluation.parquet"
EVALUATION_FILE = "evaluation.json"
DECISION_FILE = "decision.json"
REPRODUCIBILITY_FILE = "reproducibility.json"
BASELINE_FILE = "baseline.json"
STATISTICS_FILE = "statistics.json"
CONSTRAINTS_FILE = "constraints.json"
VIOLATIONS_FILE = "constraint_violations.json"
FINDINGS_FILE = "findings.json"
LEDGER_FILE = "ledger.parquet"
REQUEST_FILE = "request.json"
PLAN_FILE = "plan.json"
DATA_CONTRACTS_FILE = "data-contracts.json"
QUALITY_FILE = "quality.json"
PROFILES_FILE = "profiles.json"

LABEL_COLUMN = "label"
EVENT_TIME_COLUMN = "event_time"
IMAGE_VARIABLE = "HEADWAY_IMAGE"
"""Environment variable in which a job is told the digest-pinned URI of the image it runs in."""

PLACEHOLDER = "placeholder"
LIGHTGBM = "lightgbm"
"""Kinds of model that an artifact can hold (`kind` in model.json)."""


@dataclass(frozen=True, kw_only=True)
class InputField:
    """One input of a model.

    Attributes:
        name: Name of the field.
        type: string, integer, number or boolean.
        nullable: Whether the value may be missing.
        values: Known categories; None when not declared.
        closed: Whether a category outside `values` is refused.
        minimum: Smallest value allowed; None for no bound.
        maximum: Largest value allowed; None for no bound.
    """

    name: str
    type: str
    nullable: bool = False
    values: tuple[str, ...] | None = None
    closed: bool = False
    minimum: float | None = None
    maximum: float | None = None

    def document(self) -> dict[str, Any]:
        """The field as JSON; a key that was not declared is absent."""
        document: dict[str, Any] = {"name": self.name, "type": self.type, "nullable": self.nullable}
        if self.values is not None:
            document["values"] = list(self.values)
        if self.closed:
            document["closed"] = True
        return document | _bounds(self)


@dataclass(frozen=True, kw_only=True)
class OutputField:
    """The output of a model.

    Attributes:
        name: Name of the field.
        type: number, integer, string or boolean.
        minimum: Smallest value the model may answer; None for no bound.
        maximum: Largest value the model may answer; None for no bound.
        prior: What the placeholder answers; None for the middle of the range.
    """

    name: str
    type: str
    minimum: float | None = None
    maximum: float | None = None
    prior: float | None = None

    def document(self) -> dict[str, Any]:
        """The field as JSON; a key that was not declared is absent."""
        document = {"name": self.name, "type": self.type} | _bounds(self)
        return document if self.prior is None else document | {"prior": self.prior}


def _bounds(field: InputField | OutputField) -> dict[str, Any]:
    bounds = {"minimum": field.minimum, "maximum": field.maximum}
    return {key: value for key, value in bounds.items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class Contract:
    """An inference contract: what a model is asked and what it answers.

    Attributes:
        name: Name of the system.
        version: Version of the contract, from 1.
        task: What kind of question the model answers, one of `TASKS`.
        inputs: The inputs in the order of a CSV row.
        output: The answer.
    """

    name: str
    version: int
    task: str
    inputs: tuple[InputField, ...]
    output: OutputField

    @classmethod
    def from_document(cls, document: object) -> "Contract":
        """Read a contract from its JSON document.

        Args:
            document: The parsed JSON.

        Returns:
            The contract.

        Raises:
            ContractError: Something is missing, unknown, mistyped or contradictory; it lists every problem.
        """
        problems = contract_problems(document)
        if problems or not isinstance(document, Mapping):
            raise ContractError(problems)
        inputs = tuple(
            InputField(**{**item, "values": tuple(item["values"]) if "values" in item else None})
            for item in document["inputs"]
        )
        return cls(
            name=document["name"],
            version=document["version"],
            task=document["task"],
            inputs=inputs,
            output=OutputField(**document["output"]),
        )

    def document(self) -> dict[str, Any]:
        """The contract as JSON."""
        return {
            "name": self.name,
            "version": self.version,
            "task": self.task,
            "inputs": [field.document() for field in self.inputs],
            "output": self.output.document(),
        }

    @property
    def digest(self) -> str:
        """Digest of the document; it identifies this version of the contract."""
        return digest(self.document())

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs in order."""
        return tuple(field.name for field in self.inputs)


def signature_of(contract: Contract) -> dict[str, Any]:
    """The signature that a model must have to honour a contract: names and types, in order."""
    return {
        "inputs": [{"name": field.name, "type": field.type} for field in contract.inputs],
        "output": {"name": contract.output.name, "type": contract.output.type},
    }


def signature_problems(contract: Contract, signature: Mapping[str, Any]) -> list[str]:
    """Compare a model's signature with a contract.

    Args:
        contract: The contract to honour.
        signature: The model's signature.json, in the shape that `signature_of` returns.

    Returns:
        One plain sentence for each difference; an empty list when the model honours the contract.
    """
    try:
        has = [(str(item["name"]), str(item["type"])) for item in signature["inputs"]]
        answers = (str(signature["output"]["name"]), str(signature["output"]["type"]))
    except (KeyError, TypeError):
        return ["the signature has no readable inputs and output; write it as signature_of(contract) does"]
    wanted = {field.name: field.type for field in contract.inputs}
    given = dict(has)
    problems = [
        f"the model lacks input {name!r} ({kind}), which contract {contract.name!r} has; train it with it"
        for name, kind in wanted.items()
        if name not in given
    ]
    problems += [
        f"the model needs input {name!r} ({kind}), which contract {contract.name!r} does not have; "
        "add it to the contract or train without it"
        for name, kind in given.items()
        if name not in wanted
    ]
    problems += [
        f"the model takes input {name!r} as {given[name]}, contract {contract.name!r} gives it as {kind}"
        for name, kind in wanted.items()
        if name in given and given[name] != kind
    ]
    if not problems and [name for name, _ in has] != list(wanted):
        problems.append(
            f"the model takes its inputs in the order {', '.join(name for name, _ in has)}; "
            f"contract {contract.name!r} has {', '.join(wanted)}"
        )
    output = (contract.output.name, contract.output.type)
    if answers != output:
        problems.append(
            f"the model answers {answers[0]!r} ({answers[1]}), "
            f"contract {contract.name!r} promises {output[0]!r} ({output[1]})"
        )
    return problems


def placeholder_value(contract: Contract) -> float:
    """The constant that a placeholder answers: the declared prior, else the middle of the output's range.

    Without a range on one side the other bound is answered; without any, zero.
    """
    output = contract.output
    if output.prior is not None:
        return output.prior
    bounds = [bound for bound in (output.minimum, output.maximum) if bound is not None]
    return sum(bounds) / len(bounds) if bounds else 0.0


def placeholder_artifact(contract: Contract) -> bytes:
    """A model.tar.gz that honours a contract before any training, equal to the byte for equal contracts."""
    model = {"kind": PLACEHOLDER, "value": placeholder_value(contract)}
    return pack(
        {
            MODEL_FILE: canonical_json(model),
            CONTRACT_FILE: canonical_json(contract.document()),
            SIGNATURE_FILE: canonical_json(signature_of(contract)),
        }
    )
