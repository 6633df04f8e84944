"""Steps of a pipeline that call a function, and steps that depend on what it answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headway_components.pipeline_definition import Step, Value


@dataclass(frozen=True, kw_only=True)
class FunctionStep(Step):
    """Calls a function."""

    function_arn: str
    """ARN of the function."""
    call: Mapping[str, Value]
    """What it is given."""
    outputs: Sequence[str]
    """Texts of its answer that later steps need."""

    type = "Lambda"

    def arguments(self) -> dict[str, Any]:
        """What the function is given."""
        return dict(self.call)

    def document(self) -> dict[str, Any]:
        """The step as SageMaker reads it."""
        return {
            **super().document(),
            "FunctionArn": self.function_arn,
            "OutputParameters": [{"OutputName": name, "OutputType": "String"} for name in self.outputs],
        }

    def output(self, name: str) -> dict[str, str]:
        """A text of the function's answer, once it has answered."""
        return {"Get": f"Steps.{self.name}.OutputParameters['{name}']"}


@dataclass(frozen=True, kw_only=True)
class WhenStep(Step):
    """Goes on when a value is a certain one, and ends well when it is not."""

    value: Value
    """What is looked at."""
    equals: str
    """What it has to be."""
    steps: Sequence[Step]
    """Steps when it is."""

    type = "Condition"

    def arguments(self) -> dict[str, Any]:
        """The condition and its branch."""
        return {
            "Conditions": [{"Type": "Equals", "LeftValue": self.value, "RightValue": self.equals}],
            "IfSteps": [step.document() for step in self.steps],
            "ElseSteps": [],
        }
