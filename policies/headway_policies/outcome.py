"""What a rule can say: pass, fail, not applicable, undecided; and what it found."""

from dataclasses import dataclass
from enum import Enum


class Outcome(Enum):
    """The four answers of a rule. Undecided is never read as a pass."""

    PASS = "pass"  # noqa: S105 - an outcome, not a secret
    FAIL = "fail"
    NOT_APPLICABLE = "not applicable"
    UNDECIDED = "undecided"


class Severity(Enum):
    """How much a breach matters. The words are those of pulumi-policy."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A breach of a rule.

    Args:
        path: The property in the provider's spelling, for example `kmsKeyArn`.
        got: What is there, in words or as a value; None means that nothing is there.
        want: What should be there, in words.
        urn: The resource it is about, where a rule over a whole stack speaks of one resource.
    """

    path: str
    got: object
    want: str
    urn: str | None = None

    def sentence(self) -> str:
        """The finding as one sentence without a full stop."""
        got = "nothing" if self.got is None else repr(self.got)
        return f"{self.path} is {got}, want {self.want}"


@dataclass(frozen=True, kw_only=True)
class Undecided:
    """A value that is needed to decide and is not known yet.

    Args:
        path: The property in the provider's spelling.
        urn: The resource it is about, where a rule over a whole stack speaks of one resource.
    """

    path: str
    urn: str | None = None


@dataclass(frozen=True, kw_only=True)
class NotApplicable:
    """A rule does not speak about this resource after all.

    Args:
        reason: Why, in words, for example `the endpoint is serverless`.
    """

    reason: str


Answer = Finding | Undecided | NotApplicable


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What one rule says about one resource, or about a whole stack (`urn` is then None).

    Args:
        rule_id: The rule.
        urn: The resource.
        outcome: What it says.
        findings: The breaches.
        undecided: What it could not know.
        reason: Why it is not applicable.
        error: What broke the rule itself; its outcome is then fail.
    """

    rule_id: str
    urn: str | None
    outcome: Outcome
    findings: tuple[Finding, ...] = ()
    undecided: tuple[Undecided, ...] = ()
    reason: str = ""
    error: str | None = None
