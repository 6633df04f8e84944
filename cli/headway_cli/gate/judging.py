"""Judges stacks and states for the command line."""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from headway_cli.errors import WrongUseError
from headway_cli.gate.output import Judged
from headway_cli.gate.rulebooks import POLICIES, Loaded, load, project_root
from headway_cli.gate.states import handed_in, intent_of, read_state_file
from headway_policies.lanes import Base
from headway_policies.plan import Change, Operation, Plan
from headway_policies.report.evidence import bundle, digest
from headway_policies.resource import Resource
from headway_policies.verdict import Subject, assess


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a person asked for.

    Args:
        policies: The folder with `gate.toml`; the project's own where it is left out.
        policy_config: A policy configuration of Pulumi.
        base: The Git revision to compare with.
        previous: The exported state of what is deployed.
        today: The day that counts for exceptions.
    """

    policies: Path | None
    policy_config: Path | None
    base: str | None
    previous: Path | None
    today: date


def judge_state(request: Request, path: Path, config_file: Path | None) -> Judged:
    """Judges an exported state.

    Raises:
        HeadwayError: The gate's own files cannot be taken as they are.
        WrongUseError: What was handed in cannot be read.
    """
    root = project_root(Path.cwd())
    loaded = load(_policies(request, root), request.policy_config)
    handed = handed_in(path, config_file, loaded.rulebook.settings.framework_folders)
    subject, digests = handed.subject, handed.digests
    if request.previous is not None:
        before, digests["previous"] = read_state_file(request.previous)
        subject = replace(
            subject, plan=_difference(before.resources, subject.resources, request.previous.name)
        )
    base = _base(request, root, None)
    return finish(subject, loaded, base, digests, request.today, program=path.name)


def judge_stacks(request: Request, stacks: list[str]) -> list[Judged]:
    """Plans stacks without credentials and judges the plans.

    Args:
        request: What a person asked for.
        stacks: The stacks' names; all of the project where there are none.

    Raises:
        HeadwayError: A plan failed, or the gate's own files cannot be taken as they are.
        WrongUseError: There is no such stack.
    """
    # Imported here: judging a state needs neither an engine nor its protocols.
    from headway_cli.gate.stack_plan import Compared, plan_stacks  # noqa: PLC0415

    root = project_root(Path.cwd())
    if root is None:
        raise WrongUseError("there is no Pulumi.yaml here or above; go to a project, or pass --state FILE")
    loaded = load(_policies(request, root), request.policy_config)
    compared = Compared(previous=request.previous, base=request.base)
    return [
        finish(
            planned.subject,
            loaded,
            _base(request, root, planned.settings),
            planned.digests,
            request.today,
            program=planned.program,
        )
        for planned in plan_stacks(root, stacks, compared, loaded.rulebook.settings.framework_folders)
    ]


def finish(
    subject: Subject, loaded: Loaded, base: Base, digests: dict[str, str], today: date, *, program: str
) -> Judged:
    """The verdict on a subject, with its evidence."""
    verdict = assess(subject, loaded.rulebook, base, today)
    evidence = bundle(verdict, {**loaded.digests, **digests})
    return Judged(verdict=verdict, evidence=evidence, digest=digest(evidence), program=program)


def _policies(request: Request, root: Path | None) -> Path | None:
    if request.policies is not None:
        if not request.policies.is_dir():
            raise WrongUseError(f"{request.policies} is no folder; --policies names the one with gate.toml")
        return request.policies
    return root / POLICIES if root is not None and (root / POLICIES).is_dir() else None


def _base(request: Request, root: Path | None, settings: Path | None) -> Base:
    found = _agreed(request, root, settings)
    if found.intent is None and request.previous is not None:
        # Nobody said what the class of the data was, but the tags of what is deployed do.
        return replace(found, intent=intent_of(read_state_file(request.previous)[0].resources))
    return found


def _agreed(request: Request, root: Path | None, settings: Path | None) -> Base:
    if request.base is None:
        return Base()
    if root is None:
        raise WrongUseError("--base names a revision of a project, and there is no Pulumi.yaml here or above")
    # Imported here: most calls compare with nothing.
    from headway_cli.gate.git_base import read_base  # noqa: PLC0415

    return read_base(root, request.base, settings)


def _difference(before: tuple[Resource, ...], after: tuple[Resource, ...], against: str) -> Plan:
    """What lies between two states, as far as states tell: nothing in them says what would be replaced."""
    old = {item.urn: item for item in before if item.is_custom}
    new = {item.urn: item for item in after if item.is_custom}
    changes = [
        *(_change(Operation.CREATE, item) for urn, item in new.items() if urn not in old),
        *(
            _change(Operation.CHANGE, item)
            for urn, item in new.items()
            if urn in old and old[urn].properties != item.properties
        ),
        *(_change(Operation.DELETE, item) for urn, item in old.items() if urn not in new),
    ]
    return Plan(changes=tuple(changes), against=against)


def _change(operation: Operation, item: Resource) -> Change:
    return Change(operation=operation, urn=item.urn, type=item.type)
