"""What statements of policies mean that rules of more than one family ask."""

from headway_policies.policy_document import Statement
from headway_policies.resource import UNKNOWN

_WHO = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceorgid",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
        "kms:calleraccount",
        "kms:viaservice",
    }
)
"""Condition keys that say who asks, or from where."""
_EQUALS = frozenset(
    {"stringequals", "stringlike", "arnequals", "arnlike", "stringequalsignorecase", "foranyvalue:stringlike"}
)


def narrows_to_known(statement: Statement) -> bool:
    """Whether a condition leaves only callers that it names: one that anybody meets does not count."""
    for condition in statement.conditions:
        operator = condition.operator.lower()
        # With IfExists, a caller without the key passes.
        if condition.key in _WHO and operator in _EQUALS and all(map(_names_someone, condition.values)):
            return True
    return False


def _names_someone(value: object) -> bool:
    return value is UNKNOWN or (isinstance(value, str) and bool(value.replace(":", "").strip("*?")))
