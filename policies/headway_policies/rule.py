"""The form of a rule: one file that carries its id, its reason, its fix, its examples and its check."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Final

from headway_policies.intent import PRODUCTION, Intent
from headway_policies.outcome import (
    Answer,
    Finding,
    Judgement,
    NotApplicable,
    Outcome,
    Severity,
    Undecided,
)
from headway_policies.resource import NotJsonError, NotKnownError, Resource
from headway_policies.stack_graph import Stack

Answers = Iterator[Answer]
ResourceCheck = Callable[[Resource, Intent], Answers]
EdgeCheck = Callable[[Resource, Stack, Intent], Answers]
StackCheck = Callable[[Stack, Intent], Answers]

ANY_TYPE: Final = "*"
"""In a rule's `resources`: every resource of a provider. Such a rule makes no type a judged one."""

_OWN_TYPES: Final = "pulumi:"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One example of a rule; the tests run it and the rules page shows it.

    Args:
        title: What the example shows, in a few words.
        resources: The resource, or for a rule over a stack all of its resources.
        says: Text that the finding holds.
        intent: What the stack is meant to be.
    """

    title: str
    resources: tuple[Resource, ...]
    says: str = ""
    intent: Intent = PRODUCTION


@dataclass(kw_only=True)
class Rule:
    """One rule.

    Args:
        id: `HEADWAY-<FAMILY>-<number>`; never given to another rule.
        slug: The rule in a few words joined by hyphens.
        title: What holds when the rule is kept, as a promise.
        since: The version that brought it.
        severity: How much a breach matters.
        resources: The type tokens it speaks about; `ANY_TYPE` for every resource of a provider.
        reads: The type tokens of what it looks at beside them and does not judge, like a bucket's settings.
        why: What goes wrong where it is broken.
        fix: What to change.
        passes: Examples that keep it.
        fails: Examples that break it.
        when_unknown: The outcome where a value that the rule reads is not known yet.
        unknowns: Examples with such a value.
        exempts: Examples that it does not speak about, though their type is one of `resources`.
        decides_at_preview: Whether a person has to look where a preview leaves it undecided.
        aliases: Former ids, which keep working.
        references: Addresses of what the rule is built on.
    """

    id: str
    slug: str
    title: str
    since: str
    severity: Severity
    resources: tuple[str, ...]
    why: str
    fix: str
    passes: tuple[Case, ...]
    fails: tuple[Case, ...]
    when_unknown: Outcome
    unknowns: tuple[Case, ...]
    reads: tuple[str, ...] = ()
    exempts: tuple[Case, ...] = ()
    decides_at_preview: bool = False
    aliases: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    resource_check: ResourceCheck | None = field(default=None, init=False)
    edge_check: EdgeCheck | None = field(default=None, init=False)
    stack_check: StackCheck | None = field(default=None, init=False)

    def check(self, function: ResourceCheck) -> ResourceCheck:
        """Decorator: the check of one resource by itself. An update asks it before the resource is made."""
        self.resource_check = function
        return function

    def check_edges(self, function: EdgeCheck) -> EdgeCheck:
        """Decorator: the check of one resource and of what it hangs together with in its stack."""
        self.edge_check = function
        return function

    def check_stack(self, function: StackCheck) -> StackCheck:
        """Decorator: the check of a stack as a whole; its findings name their resource themselves."""
        self.stack_check = function
        return function

    @property
    def has_check(self) -> bool:
        """Whether anything was decorated."""
        return not (self.resource_check is None and self.edge_check is None and self.stack_check is None)

    def speaks_about(self, type_: str) -> bool:
        """Whether resources of a type are this rule's business."""
        if type_ in self.resources:
            return True
        return ANY_TYPE in self.resources and not type_.startswith(_OWN_TYPES)

    def judge(self, resource: Resource, intent: Intent) -> Judgement:
        """What the rule says about one resource by itself; not applicable to types it does not name."""
        if self.resource_check is None or not self.speaks_about(resource.type):
            return Judgement(rule_id=self.id, urn=resource.urn, outcome=Outcome.NOT_APPLICABLE)
        check = self.resource_check
        return self._judgement(lambda: check(resource, intent), resource.urn)

    def judge_edges(self, resource: Resource, stack: Stack, intent: Intent) -> Judgement:
        """What the rule says about one resource within its stack."""
        if self.edge_check is None or not self.speaks_about(resource.type):
            return Judgement(rule_id=self.id, urn=resource.urn, outcome=Outcome.NOT_APPLICABLE)
        check = self.edge_check
        return self._judgement(lambda: check(resource, stack, intent), resource.urn)

    def judge_stack(self, stack: Stack, intent: Intent) -> Judgement:
        """What the rule says about a stack; not applicable where it speaks about nothing in it."""
        if self.stack_check is None or not any(map(self.speaks_about, stack.types)):
            return Judgement(rule_id=self.id, urn=None, outcome=Outcome.NOT_APPLICABLE)
        check = self.stack_check
        return self._judgement(lambda: check(stack, intent), None)

    def message(self, finding: Finding) -> str:
        """The text of a violation: rule, what, got, want, fix, and where to read more."""
        return f"{self.id} {finding.sentence()}.\nFix: {self.fix}\nMore: headway explain {self.id}"

    def undecided_message(self, undecided: tuple[Undecided, ...]) -> str:
        """The text for what cannot be decided before the update, with the rule and each property."""
        values = ", ".join(dict.fromkeys(_place(item) for item in undecided))
        return (
            f"{self.id} is undecided: {values} not known before the update, which decides.\n"
            f"More: headway explain {self.id}"
        )

    def error_message(self, error: str) -> str:
        """The text where the rule itself broke."""
        return (
            f"{self.id} broke ({error}), so nobody knows whether it is kept; this counts as a failure.\n"
            "Fix: mend the rule, or turn it off in the gate's settings, which sends the change to a person\n"
            f"More: headway explain {self.id}"
        )

    def _judgement(self, answers: Callable[[], Answers], urn: str | None) -> Judgement:
        findings: list[Finding] = []
        undecided: list[Undecided] = []
        exempt: list[NotApplicable] = []
        try:
            for answer in answers():
                if isinstance(answer, Finding):
                    findings.append(answer)
                elif isinstance(answer, Undecided):
                    undecided.append(answer)
                else:
                    exempt.append(answer)
        except NotKnownError as error:
            undecided.append(Undecided(path=error.path, urn=_other(error.urn, urn)))
        except NotJsonError as error:
            # The text itself may be anything, a secret too: it is not shown.
            got, want = "text that is not JSON", "a document in JSON"
            findings.append(Finding(path=error.path, got=got, want=want, urn=_other(error.urn, urn)))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a rule does, it never passes for it
            return Judgement(rule_id=self.id, urn=urn, outcome=Outcome.FAIL, error=_place_of(error))
        if undecided and self.when_unknown is Outcome.FAIL:
            findings += [
                Finding(path=item.path, got="not known before the update", want="a plain value", urn=item.urn)
                for item in undecided
            ]
        if undecided and self.when_unknown is not Outcome.UNDECIDED:
            undecided = []
        return Judgement(
            rule_id=self.id,
            urn=urn,
            outcome=_outcome(findings, undecided, exempt),
            findings=tuple(findings),
            undecided=tuple(undecided),
            reason="; ".join(item.reason for item in exempt),
        )


def _outcome(findings: list[Finding], undecided: list[Undecided], exempt: list[NotApplicable]) -> Outcome:
    if findings:
        return Outcome.FAIL
    if undecided:
        return Outcome.UNDECIDED
    return Outcome.NOT_APPLICABLE if exempt else Outcome.PASS


def _other(urn: str, own: str | None) -> str | None:
    return urn if urn and urn != own else None


def _place(item: Undecided) -> str:
    return item.path if item.urn is None else f"{item.path} of {item.urn.rsplit('::', 1)[-1]}"


def _place_of(error: BaseException) -> str:
    import traceback  # noqa: PLC0415 - only where a rule breaks

    # The exception's own text may quote a value, and the value may be a secret.
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "an unknown place"
    return f"{type(error).__name__} in {place}"
