"""Where data about people lies, and how it goes again."""

from collections.abc import Iterator, Mapping

from headway_policies.intent import Intent
from headway_policies.outcome import Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.stack_graph import Stack
from headway_policies.subjects.buckets import (
    LIFECYCLE,
    keeps_versions,
    lifecycle_rules,
    names,
    settings,
)
from headway_policies.subjects.policies import IDENTITY_POLICIES, permissions
from headway_policies.subjects.values import number, truth

FEATURE_GROUP = "aws:sagemaker/featureGroup:FeatureGroup"
_TAG = "headway:personal-data"


def is_about_people(resource: Resource, intent: Intent) -> bool:
    """Whether a resource holds data about people: its stack declares some, or its own tag says so."""
    tags = resource.value("tags")
    own = tags.get(_TAG) if isinstance(tags, Mapping) else None
    return intent.personal_data is True or truth(own) is True


def may(stack: Stack, action: str, target: Resource, arns: tuple[str, ...]) -> bool | None:
    """Whether some policy of the stack allows an action on a resource; None where that is not known yet.

    Args:
        stack: The stack.
        action: The action, for example `s3:DeleteObject`.
        target: The resource.
        arns: Its known ARNs, or those of something in it.
    """
    return _worst(
        _allows(stack, policy, action, target, arns) for policy in stack.of_type(*IDENTITY_POLICIES)
    )


def readers(stack: Stack, action: str, target: Resource, arns: tuple[str, ...]) -> tuple[Resource, ...]:
    """The policies of the stack that allow an action on a resource."""
    return tuple(
        policy for policy in stack.of_type(*IDENTITY_POLICIES) if _allows(stack, policy, action, target, arns)
    )


def objects(bucket: Resource, prefix: str) -> tuple[str, ...]:
    """The ARN of an object below a prefix of a bucket, for each known name of the bucket."""
    return tuple(
        f"arn:aws:s3:::{name}/{prefix.rstrip('/')}/any".replace("//", "/") for name in sorted(names(bucket))
    )


def days_kept(stack: Stack, bucket: Resource, prefix: str) -> tuple[object, object]:
    """Days until an object below a prefix goes, and until its old versions do.

    Each is None where it stays for ever, `UNKNOWN` where it is not known yet. Old versions take no day where
    the bucket keeps none.

    Raises:
        NotKnownError: The lifecycle is not known yet.
    """
    rules = [
        rule
        for rule in lifecycle_rules(bucket, settings(stack, LIFECYCLE))
        if not rule.is_partial and isinstance(rule.prefix, str) and f"{prefix}/".startswith(rule.prefix)
    ]
    old = _least([rule.old_days for rule in rules]) if keeps_versions(stack, bucket) else 0
    return _least([rule.days for rule in rules]), old


def _least(days: list[object]) -> object:
    known = [found for found in map(number, days) if found is not None and found > 0]
    return min(known) if known else UNKNOWN if UNKNOWN in days else None


def _allows(
    stack: Stack, policy: Resource, action: str, target: Resource, arns: tuple[str, ...]
) -> bool | None:
    is_made_of = target in stack.made_of(policy)
    found: list[bool | None] = []
    for item in permissions(policy):
        if isinstance(item, Undecided):
            found.append(None)
            continue
        acts = item.covers_action(action)
        reaches = _worst(item.covers_resource(arn) for arn in arns)
        if reaches is not True and UNKNOWN in item.resources and is_made_of:
            reaches = True
        found.append(None if acts is None and reaches is not False else bool(acts) and reaches)
    return _worst(found)


def _worst(found: Iterator[bool | None] | list[bool | None]) -> bool | None:
    """True where anything is, else None where anything may be."""
    answers = set(found)
    return True if True in answers else None if None in answers else False
