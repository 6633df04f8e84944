"""A declared system as the gate sees its plan."""

from pathlib import Path

from headway_components import AISystem, AISystemArgs, Deployment, SystemSpec
from headway_policies.intent import Intent
from headway_policies.judge import judge
from headway_policies.outcome import Judgement
from headway_policies.registry import all_rules
from headway_policies.resource import Resource
from support.example_system import write_code
from support.pulumi_program import Run, run_program


def planned(spec: SystemSpec, deployment: Deployment, code_root: Path, stack: str = "local") -> Run:
    """What a system becomes.

    Args:
        spec: The system.
        deployment: Where it runs.
        code_root: Directory in which its code is written.
        stack: Name of the stack.
    """
    args = AISystemArgs(spec=spec, deployment=deployment, code_root=str(write_code(code_root)))
    return run_program(lambda: AISystem(spec.name, args), stack=stack)


def resources(run: Run) -> list[Resource]:
    """The resources of a plan as the rules of the gate take them."""
    return [
        Resource(
            type=item.type,
            name=item.name,
            urn=item.urn,
            properties=item.outputs,
            references=item.references,
        )
        for item in run.resources
    ]


def judged(run: Run, intent: Intent) -> list[Judgement]:
    """What every rule says of a plan."""
    return list(judge(all_rules(), resources(run), intent))
