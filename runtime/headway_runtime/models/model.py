"""What every model can do, and how the files of an artifact become a model."""

import importlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from headway_runtime.contract import (
    CONTRACT_FILE,
    LIGHTGBM,
    MODEL_FILE,
    PLACEHOLDER,
    SIGNATURE_FILE,
    Contract,
    ContractError,
    signature_problems,
)

Value = str | int | float | bool | None
"""One input value; None is a missing one."""


class ModelError(Exception):
    """An artifact is no model that honours its contract; the message is one sentence for a person."""


class Model(Protocol):
    """A loaded model."""

    @property
    def kind(self) -> str:
        """What sort of model it is, as model.json names it."""
        ...

    @property
    def contract(self) -> Contract:
        """The contract that it honours."""
        ...

    def predict(self, columns: Mapping[str, Sequence[Value]], rows: int) -> list[float]:
        """Answer for rows that honour the contract.

        Args:
            columns: The values of each input, by name.
            rows: Number of rows.

        Returns:
            One answer for each row.
        """
        ...


# The module is imported when a model of its kind is loaded, so a placeholder starts without LightGBM.
_KINDS = {
    PLACEHOLDER: "headway_runtime.models.placeholder",
    LIGHTGBM: "headway_runtime.models.trees",
}


def load_model(files: Mapping[str, bytes]) -> Model:
    """Make a model of an artifact's files.

    Args:
        files: Content by file name: model.json, contract.json, signature.json and what the kind needs.

    Returns:
        The model, ready to answer.

    Raises:
        ModelError: Files are missing or damaged, the kind is unknown, or the signature breaks the contract.
    """
    description = _json(files, MODEL_FILE)
    try:
        contract = Contract.from_document(_json(files, CONTRACT_FILE))
    except ContractError as error:
        raise ModelError(f"{CONTRACT_FILE} of the model artifact is wrong: {error}") from error
    problems = signature_problems(contract, _json(files, SIGNATURE_FILE))
    if problems:
        raise ModelError(f"the model breaks its contract: {'; '.join(problems)}")
    kind = description.get("kind")
    module = _KINDS.get(kind) if isinstance(kind, str) else None
    if module is None:
        raise ModelError(f"{MODEL_FILE} names the kind {kind!r}; known are {', '.join(_KINDS)}")
    load: Callable[[Contract, Mapping[str, Any], Mapping[str, bytes]], Model]
    load = importlib.import_module(module).load
    return load(contract, description, files)


def read_directory(directory: Path) -> dict[str, bytes]:
    """Read the files of an artifact that was unpacked into a directory.

    Raises:
        ModelError: There is no such directory.
    """
    if not directory.is_dir():
        raise ModelError(f"there is no model directory {directory}; unpack the model artifact into it")
    return {path.name: path.read_bytes() for path in sorted(directory.iterdir()) if path.is_file()}


def _json(files: Mapping[str, bytes], name: str) -> dict[str, Any]:
    if name not in files:
        listed = ", ".join(sorted(files)) if files else "nothing"
        raise ModelError(f"the model artifact lacks {name}; it holds {listed}")
    try:
        value = json.loads(files[name])
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{name} of the model artifact is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise ModelError(f"{name} of the model artifact holds no JSON object")
    return value
