"""The lines of a report: what a rule found, why a person is needed, without any secret. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from headway_policies.exceptions import ExceptionStatus, ExceptionUse
from headway_policies.framework_map import Framework, controls_by_rule
from headway_policies.lanes import EXPLANATIONS, Lane, Reason
from headway_policies.outcome import Finding, Judgement, Outcome
from headway_policies.redaction import HIDDEN, Redactor, stand_in_names
from headway_policies.resource import Resource
from headway_policies.rule import Rule
from headway_policies.settings import GateSettings, Level

EXCEPTION_RULE: Final = "HEADWAY-EXC-001"
"""The id under which the gate itself reports exceptions that are none any more, or too many."""

EXCEPTION_FIX: Final = (
    "Keep the rule and take the exception out of policies/exceptions.toml, or have it renewed, "
    "with a later day."
)

ADVISORY: Final = "advisory"
"""The outcome of a breach of a rule that only advises."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a report.

    Args:
        rule: The rule's id, or the kind of a reason.
        title: The rule in one sentence.
        severity: How much it matters; empty for a reason.
        urn: The resource; empty where it is the stack.
        type: Its type.
        outcome: `fail`, `undecided`, `manual` or `advisory`.
        path: The property.
        message: What is wrong, in one sentence.
        fix: What to do.
        controls: The controls that the rule stands for, as `FRAMEWORK CONTROL`.
        source: Where the program declares the resource, `PATH:LINE`; empty where unknown.
    """

    rule: str
    title: str
    severity: str
    urn: str
    type: str
    outcome: str
    path: str
    message: str
    fix: str
    controls: tuple[str, ...] = ()
    source: str = ""

    @property
    def name(self) -> str:
        """The resource's name in the program; empty where it is the stack."""
        return self.urn.rsplit("::", 1)[-1]


def exception_rows(uses: Iterable[ExceptionUse], settings: GateSettings) -> Iterator[Row]:
    """The lines about exceptions that are none any more, or too many."""
    used = 0
    for use in uses:
        item = use.exception
        used += use.status is ExceptionStatus.USED
        if use.status is ExceptionStatus.EXPIRED:
            what = f"the exception for {item.rule} of {item.resource} expired on {item.expires}"
            yield _exception_row(f"{what} ({item.owner}, {item.ticket})")
    if settings.maximum_exceptions is not None and used > settings.maximum_exceptions:
        yield _exception_row(f"{used} exceptions are in use, and {settings.maximum_exceptions} are allowed")


def _exception_row(message: str) -> Row:
    return Row(
        rule=EXCEPTION_RULE,
        title="Every exception has an owner and a last day that has not passed",
        severity="high",
        urn="",
        type="",
        outcome=Outcome.FAIL.value,
        path="expires",
        message=message,
        fix=EXCEPTION_FIX,
    )


class Writer:
    """Turns answers of rules into lines of a report, without secrets.

    Args:
        resources: The resources that the answers are about.
        rules: The rules that answered.
        frameworks: The frameworks whose controls they stand for.
        settings: How strictly each rule is enforced.
        secret_texts: What must not be shown.
    """

    def __init__(
        self,
        *,
        resources: Iterable[Resource],
        rules: Iterable[Rule],
        frameworks: Iterable[Framework],
        settings: GateSettings,
        secret_texts: Iterable[str],
    ) -> None:
        self._rules = {rule.id: rule for rule in rules}
        self._settings = settings
        self._controls = controls_by_rule(frameworks)
        self._resources = {resource.urn: resource for resource in resources}
        self._redactor = Redactor(secret_texts, stand_in_names(self._resources.values()))

    def text(self, text: str) -> str:
        """A text without any secret."""
        return self._redactor.text(text)

    def rows(self, judgement: Judgement) -> Iterator[Row]:
        """The lines of one answer of a rule."""
        rule = self._rules[judgement.rule_id]
        failed = ADVISORY if self._settings.level(rule.id) is Level.ADVISORY else Outcome.FAIL.value
        if judgement.error is not None:
            message = rule.error_message(judgement.error).split("\n", 1)[0]
            urn = judgement.urn or ""
            yield self._row(rule, urn, path="", outcome=failed, message=message, fix="Mend the rule.")
        for finding in judgement.findings:
            urn = finding.urn or judgement.urn or ""
            message = self._sentence(finding, urn)
            yield self._row(rule, urn, path=finding.path, outcome=failed, message=message, fix=rule.fix)
        for item in judgement.undecided:
            message = f"{self._redactor.text(item.path)} is not known before the update, which decides"
            urn, outcome = item.urn or judgement.urn or "", Outcome.UNDECIDED.value
            yield self._row(rule, urn, path=item.path, outcome=outcome, message=message, fix=rule.fix)

    def reason_row(self, reason: Reason) -> Row:
        """The line of a reason why a person is needed."""
        told = EXPLANATIONS[reason.why]
        resource = self._resources.get(reason.urn)
        return Row(
            rule=f"lane/{reason.why.value}",
            title=told.title,
            severity="",
            urn=reason.urn,
            type="" if resource is None else resource.type,
            outcome=Lane.MANUAL.value,
            path=reason.path,
            message=self._redactor.text(reason.text),
            fix=told.fix,
            source="" if resource is None else resource.source,
        )

    def _sentence(self, finding: Finding, urn: str) -> str:
        resource = self._resources.get(urn)
        top = finding.path.split(".", 1)[0].split("[", 1)[0].split(" ", 1)[0]
        if resource is not None and top in resource.secrets and finding.got is not None:
            return f"{finding.path} is {HIDDEN}, want {self._redactor.text(finding.want)}"
        return self._redactor.text(finding.sentence())

    def _row(self, rule: Rule, urn: str, *, path: str, outcome: str, message: str, fix: str) -> Row:
        resource = self._resources.get(urn)
        return Row(
            rule=rule.id,
            title=rule.title,
            severity=rule.severity.value,
            urn=urn,
            type="" if resource is None else resource.type,
            outcome=outcome,
            path=self._redactor.text(path),
            message=message,
            fix=fix,
            controls=self._controls.get(rule.id, ()),
            source="" if resource is None else resource.source,
        )
