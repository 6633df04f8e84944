"""The form of a rule: one file that carries its id, its reason, its fix, its examples and its check."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from headway_policies.outcome import Finding, Judgement, Outcome, Severity, Undecided
from headway_policies.resource import NotKnownError, Resource, Stack

Answers = Iterator[Finding | Undecided]
ResourceCheck = Callable[[Resource], Answers]
StackCheck = Callable[[Stack], Answers]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One example of a rule; the tests run it and the rules page shows it.

    Args:
        title: What the example shows, in a few words.
        resources: The resource, or for a rule over a stack all of its resources.
        says: Text that the finding holds.
    """

    title: str
    resources: tuple[Resource, ...]
    says: str = ""


@dataclass(kw_only=True)
class Rule:
    """One rule.

    Args:
        id: `HEADWAY-<FAMILY>-<number>`; never given to another rule.
        slug: The rule in a few words joined by hyphens.
        title: What holds when the rule is kept, as a promise.
        since: The version that brought it.
        severity: How much a breach matters.
        resources: The type tokens it speaks about.
        why: What goes wrong where it is broken.
        fix: What to change.
        passes: Examples that keep it.
        fails: Examples that break it.
        when_unknown: The outcome where a value that the rule reads is not known yet.
        unknowns: Examples with such a value.
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
    aliases: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    resource_check: ResourceCheck | None = field(default=None, init=False)
    stack_check: StackCheck | None = field(default=None, init=False)

    def check(self, function: ResourceCheck) -> ResourceCheck:
        """Decorator: the check of one resource."""
        self.resource_check = function
        return function

    def check_stack(self, function: StackCheck) -> StackCheck:
        """Decorator: the check of how the resources of a stack hang together."""
        self.stack_check = function
        return function

    def judge(self, resource: Resource) -> Judgement:
        """What the rule says about one resource; not applicable where it speaks about other types."""
        if self.resource_check is None or resource.type not in self.resources:
            return Judgement(rule_id=self.id, urn=resource.urn, outcome=Outcome.NOT_APPLICABLE)
        return self._judgement(self.resource_check(resource), resource.urn)

    def judge_stack(self, stack: Stack) -> Judgement:
        """What the rule says about a stack; not applicable where it speaks about nothing in it."""
        if self.stack_check is None or not stack.of_type(*self.resources):
            return Judgement(rule_id=self.id, urn=None, outcome=Outcome.NOT_APPLICABLE)
        return self._judgement(self.stack_check(stack), None)

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

    def _judgement(self, answers: Answers, urn: str | None) -> Judgement:
        findings: list[Finding] = []
        undecided: list[Undecided] = []
        try:
            for answer in answers:
                if isinstance(answer, Finding):
                    findings.append(answer)
                else:
                    undecided.append(answer)
        except NotKnownError as error:
            undecided.append(Undecided(path=error.path))
        if undecided and self.when_unknown is Outcome.FAIL:
            findings += [
                Finding(path=item.path, got="not known before the update", want="a plain value", urn=item.urn)
                for item in undecided
            ]
        if undecided and self.when_unknown is not Outcome.UNDECIDED:
            undecided = []
        outcome = Outcome.FAIL if findings else Outcome.UNDECIDED if undecided else Outcome.PASS
        return Judgement(
            rule_id=self.id, urn=urn, outcome=outcome, findings=tuple(findings), undecided=tuple(undecided)
        )


def _place(item: Undecided) -> str:
    return item.path if item.urn is None else f"{item.path} of {item.urn.rsplit('::', 1)[-1]}"
