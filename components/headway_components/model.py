"""Which model answers: a placeholder that honours the contract, or one that is trained."""

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Self

from pydantic import Field, model_validator

from headway_components._declaration import Declaration, Problem, problem, refuse
from headway_components.contracts import NAME_PATTERN, Answer, FeatureContract, FieldType, InferenceContract
from headway_components.training import EvaluationSpec, TrainingSpec
from headway_runtime.contract import signature_problems


class ModelSource(Enum):
    """Where a model comes from."""

    PLACEHOLDER = "placeholder"
    TRAINED = "trained"


class SignatureField(Declaration):
    """Name and type of one value that a model takes or gives."""

    name: str
    """Name of the value."""
    type: FieldType
    """Type of the value."""


class ModelSignature(Declaration):
    """What a model takes and what it answers, as its author states it."""

    inputs: Sequence[SignatureField] = Field(min_length=1)
    """The inputs, in the order in which the model takes them."""
    output: SignatureField
    """The answer."""

    @classmethod
    def over(
        cls, features: FeatureContract | Sequence[FeatureContract], *, output: Answer | None = None
    ) -> Self:
        """The signature of a model that is trained on exactly the features of feature contracts.

        Args:
            features: The contracts whose features the model is trained on, in order.
            output: What it answers; a probability when left out.
        """
        answer = Answer() if output is None else output
        contracts = [features] if isinstance(features, FeatureContract) else features
        return cls(
            inputs=[
                SignatureField(name=feature.name, type=feature.type)
                for contract in contracts
                for feature in contract.features
            ],
            output=SignatureField(name=answer.name, type=FieldType.NUMBER),
        )


class ModelSpec(Declaration):
    """The one reference that decides which model a system is built for."""

    name: str = Field(pattern=NAME_PATTERN)
    """Name of the model: lower case, digits and hyphens."""
    source: ModelSource
    """Where the model comes from."""
    signature: ModelSignature | None = None
    """What the model takes and answers; a placeholder has the contract's own and states none."""
    training: TrainingSpec | None = None
    """How the model is trained; only a trained model has it."""
    evaluation: EvaluationSpec | None = None
    """What the model has to prove; only a trained model has it."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse(_model_problems(self))
        return self

    @classmethod
    def placeholder(cls) -> Self:
        """The model that honours any contract before any training."""
        return cls(name="placeholder", source=ModelSource.PLACEHOLDER)

    @classmethod
    def trained(
        cls, name: str, *, signature: ModelSignature, training: TrainingSpec, evaluation: EvaluationSpec
    ) -> Self:
        """A model that this system trains, judges and registers.

        Args:
            name: Name of the model.
            signature: What it takes and answers.
            training: How it is trained.
            evaluation: What it has to prove.
        """
        return cls(
            name=name,
            source=ModelSource.TRAINED,
            signature=signature,
            training=training,
            evaluation=evaluation,
        )

    def problems_with(self, contract: InferenceContract) -> Iterator[Problem]:
        """Every way in which the model breaks an inference contract."""
        if self.signature is None:
            return
        for sentence in signature_problems(contract.contract(), self.signature.plain()):
            message, separated, fix = sentence.partition("; ")
            change = fix if separated else "change the model or the contract so that both agree"
            yield Problem("model.signature", "", message, change)


_PARTS = ("signature", "training", "evaluation")


def _model_problems(model: ModelSpec) -> Iterator[Problem]:
    for part in _PARTS:
        value = getattr(model, part)
        if model.source is ModelSource.TRAINED and value is None:
            yield Problem(
                part, "", "is required for a trained model", "add it or use ModelSpec.placeholder()"
            )
        if model.source is ModelSource.PLACEHOLDER and value is not None:
            yield problem(
                part, value, "does not belong to a placeholder", "remove it or use ModelSpec.trained(...)"
            )
