"""Every resource that a system registers is what AWS's own models accept."""

import json
from pathlib import Path
from typing import Any

import pytest

from headway_components import AISystem, AISystemArgs, Deployment, SystemSpec
from support.aws_models import api_problems, problems
from support.example_system import DEFAULTS, DEPLOYMENT, MAX, MAX_DEPLOYMENT, write_code
from support.pulumi_program import Run, run_program


@pytest.fixture(
    params=[(DEFAULTS, DEPLOYMENT), (MAX, MAX_DEPLOYMENT)], ids=["defaults", "max"], scope="module"
)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    spec, deployment = request.param
    return _deploy(spec, deployment, tmp_path_factory.mktemp("code"))


def _deploy(spec: SystemSpec, deployment: Deployment, root: Path) -> Run:
    args = AISystemArgs(spec=spec, deployment=deployment, code_root=str(write_code(root)))

    def program() -> None:
        AISystem(spec.name, args)

    return run_program(program)


def test_every_resource_passes_its_model(run: Run) -> None:
    found = {
        item.name: said
        for item in run.resources
        if item.type.startswith("aws:") and (said := problems(item.type, item.inputs))
    }

    assert found == {}


def test_a_wrong_value_does_not_pass(run: Run) -> None:
    """The check itself works: an unknown name, a wrong type and a value out of range are all found."""
    config = run.one("EndpointConfiguration").inputs
    variant = config["productionVariants"][0]
    wrong = {**config, "productionVariants": [{**variant, "initialVariantWeight": -1, "weight": 1}]}

    assert len(problems("aws:sagemaker/endpointConfiguration:EndpointConfiguration", wrong)) == 2


_OPERATIONS = {
    "Processing": ("CreateProcessingJob", {"ProcessingJobName": "job"}),
    "Training": ("CreateTrainingJob", {"TrainingJobName": "job"}),
    "RegisterModel": ("CreateModelPackage", {}),
}


def _steps(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All steps, those inside conditions too."""
    found = []
    for step in steps:
        found.append(step)
        for branch in ("IfSteps", "ElseSteps"):
            found += _steps(step["Arguments"].get(branch, []))
    return found


def _resolved(value: Any) -> Any:
    """A definition's expressions as the texts that they become."""
    if isinstance(value, dict):
        if set(value) == {"Std:Join"}:
            return "/".join(str(_resolved(part)) for part in value["Std:Join"]["Values"])
        if set(value) == {"Get"}:
            return {"Get": "Approved" if "ApprovalStatus" in value["Get"] else "s3://bucket/x"}["Get"]
        return {key: _resolved(item) for key, item in value.items()}
    return [_resolved(item) for item in value] if isinstance(value, list) else value


def test_pipeline_steps_are_requests_that_sagemaker_accepts(tmp_path: Path) -> None:
    run = _deploy(MAX, MAX_DEPLOYMENT, tmp_path)
    pipelines = [json.loads(item.inputs["pipelineDefinition"]) for item in run.of_type("pipeline:Pipeline")]
    checked = []

    for step in [step for definition in pipelines for step in _steps(definition["Steps"])]:
        if step["Type"] in _OPERATIONS:
            operation, named = _OPERATIONS[step["Type"]]
            request = {**named, **_resolved(step["Arguments"])}
            assert list(api_problems("sagemaker", operation, request)) == []
            checked.append(step["Name"])

    assert checked == [
        *(
            "Monitor",
            "Compare",
            "Ingest",
            "Quarantine",
            "Prepare",
            "Train",
            "Evaluate",
            "Baseline",
            "Register",
        ),
    ]
