"""What statements of policies mean that rules of more than one family ask."""

from collections.abc import Iterator

from headway_policies.outcome import Undecided
from headway_policies.policy_document import Statement, statements
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.subjects.once import once

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
    }
)
"""Condition keys that say who asks, or from where."""
_EQUALS = frozenset(
    {"stringequals", "stringlike", "arnequals", "arnlike", "stringequalsignorecase", "foranyvalue:stringlike"}
)

ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
MANAGED_POLICY = "aws:iam/policy:Policy"
_DOCUMENTS = {
    ROLE: ("inlinePolicies[*].policy",),
    ROLE_POLICY: ("policy",),
    MANAGED_POLICY: ("policy",),
    "aws:iam/userPolicy:UserPolicy": ("policy",),
    "aws:iam/groupPolicy:GroupPolicy": ("policy",),
}
IDENTITY_POLICIES = tuple(_DOCUMENTS)
"""The types that say what an identity may do."""


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


def permissions(resource: Resource) -> tuple[Statement | Undecided, ...]:
    """The statements that say what an identity may do, save those that deny; what is not known as such.

    Raises:
        NotJsonError: A document is text that is not JSON.
    """
    return once(resource, "permissions", lambda: tuple(_permissions(resource)))


def _permissions(resource: Resource) -> Iterator[Statement | Undecided]:
    for pattern in _DOCUMENTS[resource.type]:
        for path in resource.expand(pattern):
            if resource.value(path) is UNKNOWN:
                yield Undecided(path=path)
                continue
            for statement in statements(resource, path):
                if not statement.is_known:
                    yield Undecided(path=statement.path)
                elif statement.allows:
                    yield statement
