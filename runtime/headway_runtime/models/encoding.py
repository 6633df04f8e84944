"""Contract values as the numbers that a tree model works on; a category unseen in training is missing."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headway_runtime.contract import Contract
from headway_runtime.models.model import ModelError, Value

Matrix = npt.NDArray[np.float64]


class Encoding:
    """How each input becomes a column of numbers.

    Attributes:
        names: The inputs in the model's order.
        vocabularies: Categories of each string input, by name; a category's number is its place.
    """

    def __init__(self, names: Sequence[str], vocabularies: Mapping[str, Sequence[str]]) -> None:
        self.names = tuple(names)
        self.vocabularies = {name: tuple(words) for name, words in vocabularies.items()}
        self._codes: dict[str, dict[Value, float]] = {
            name: {word: float(code) for code, word in enumerate(words)}
            for name, words in self.vocabularies.items()
        }

    @property
    def categorical(self) -> list[int]:
        """Places of the columns that hold categories."""
        return [place for place, name in enumerate(self.names) if name in self.vocabularies]

    def document(self) -> list[dict[str, Any]]:
        """The encoding as it is kept in model.json."""
        return [
            {"name": name}
            | ({"vocabulary": list(self.vocabularies[name])} if name in self.vocabularies else {})
            for name in self.names
        ]

    @classmethod
    def from_document(cls, document: object) -> "Encoding":
        """Read what `document` wrote.

        Raises:
            ModelError: It is something else.
        """
        items: list[Any] = document if isinstance(document, list) else [None]
        try:
            names = [str(item["name"]) for item in items]
            vocabularies = {
                str(item["name"]): [str(word) for word in item["vocabulary"]]
                for item in items
                if "vocabulary" in item
            }
        except (KeyError, TypeError):
            raise ModelError("model.json has no readable features; train the model again") from None
        return cls(names, vocabularies)

    def rows(self, columns: Mapping[str, Sequence[Value]], rows: int) -> Matrix:
        """Encode values that came with a request."""
        matrix = np.empty((rows, len(self.names)), np.float64)
        for place, name in enumerate(self.names):
            codes = self._codes.get(name)
            values = columns[name]
            if codes is None:
                matrix[:, place] = [math.nan if value is None else value for value in values]
            else:
                matrix[:, place] = [codes.get(value, math.nan) for value in values]
        return matrix

    def table(self, table: pa.Table) -> Matrix:
        """Encode a table that honours the contract."""
        matrix = np.empty((table.num_rows, len(self.names)), np.float64)
        for place, name in enumerate(self.names):
            column = table[name]
            if name in self.vocabularies:
                column = pc.index_in(column, value_set=pa.array(self.vocabularies[name], pa.string()))
            matrix[:, place] = pc.fill_null(column.cast(pa.float64()), math.nan).to_numpy()
        return matrix


def learn_encoding(contract: Contract, table: pa.Table) -> Encoding:
    """The encoding for a training table: the categories that occur in it, in alphabetical order."""
    vocabularies = {
        field.name: tuple(
            sorted(word for word in pc.unique(table[field.name]).to_pylist() if word is not None)
        )
        for field in contract.inputs
        if field.type == "string"
    }
    return Encoding(contract.input_names, vocabularies)
