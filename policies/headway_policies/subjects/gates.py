"""What stands between a trained model and the registry."""

from dataclasses import dataclass

from headway_policies.resource import Resource
from headway_policies.subjects.pipelines import Step, steps

REGISTERS = frozenset({"RegisterModel", "Model"})
_EVALUATES = frozenset({"Processing", "QualityCheck", "ClarifyCheck", "Training", "Transform", "Lambda"})


@dataclass(frozen=True, kw_only=True)
class Registration:
    """One step that registers a model.

    Args:
        step: The step.
        evaluations: The steps whose results the conditions before it read.
    """

    step: Step
    evaluations: tuple[Step, ...]

    @property
    def is_gated(self) -> bool:
        """Whether the result of a step decides if it runs."""
        return bool(self.evaluations)


def registrations(pipeline: Resource) -> tuple[Registration, ...]:
    """The steps of a pipeline that register a model, with what decides about them.

    Raises:
        NotKnownError: The definition is not known yet.
    """
    all_steps = steps(pipeline)
    by_name = {step.name: step for step in all_steps}
    found = []
    for step in all_steps:
        if step.type in REGISTERS and step.arguments.has("modelPackageGroupName"):
            asked = dict.fromkeys(name for each in (*step.behind, *step.otherwise) for name in _asked(each))
            found.append(
                Registration(
                    step=step,
                    evaluations=tuple(
                        by_name[name]
                        for name in asked
                        if name in by_name and by_name[name].type in _EVALUATES
                    ),
                )
            )
    return tuple(found)


def thresholds(step: Step) -> tuple[tuple[str, str], ...]:
    """What an evaluation asks for: the options that begin with `--minimum` or `--maximum`, name and value.

    Group sizes are no thresholds: they say which groups are large enough to be looked at.
    """
    words = step.words("appSpecification.containerArguments")
    names = dict.fromkeys(
        word.partition("=")[0]
        for word in words
        if word.startswith(("--minimum-", "--maximum-")) and "size" not in word
    )
    return tuple((name, value) for name in names for value in step.option(name))


def compares_with_number(condition: Step) -> bool:
    """Whether a condition compares a result with a number."""
    return any(_is_number(value) for value in _flat(condition.arguments.value("conditions")))


def _asked(condition: Step) -> list[str]:
    """The steps whose results a condition reads: `Steps.Evaluate.PropertyFiles.Decision` asks Evaluate."""
    texts = [value for value in _flat(condition.arguments.value("conditions")) if isinstance(value, str)]
    return [text.split(".")[1] for text in texts if text.startswith("Steps.") and text.count(".") > 1]


def _flat(value: object) -> list[object]:
    if isinstance(value, dict):
        return [item for each in value.values() for item in _flat(each)]
    if isinstance(value, list):
        return [item for each in value for item in _flat(each)]
    return [value]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
