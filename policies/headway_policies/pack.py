"""The rules as a policy pack of Pulumi."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypedDict

import pulumi_policy
from pulumi_policy.proxy import UnknownValueError

from headway_policies.intent import PRODUCTION
from headway_policies.judge import judge
from headway_policies.outcome import Judgement, Outcome, Severity
from headway_policies.registry import all_rules
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Rule
from headway_policies.stack_graph import Stack

PACK_NAME = "headway"

_SEVERITIES = {
    Severity.LOW: pulumi_policy.Severity.LOW,
    Severity.MEDIUM: pulumi_policy.Severity.MEDIUM,
    Severity.HIGH: pulumi_policy.Severity.HIGH,
    Severity.CRITICAL: pulumi_policy.Severity.CRITICAL,
}


class _About(TypedDict):
    name: str
    description: str
    enforcement_level: pulumi_policy.EnforcementLevel
    display_name: str
    severity: pulumi_policy.Severity
    remediation_steps: str
    tags: list[str]


class UndecidedError(UnknownValueError):
    """What the SDK takes from a policy that cannot be decided yet: it shows `message` as an advisory."""

    def __init__(self, message: str) -> None:
        Exception.__init__(self, message)
        self.message = message


def policies(rules: Iterable[Rule] | None = None) -> list[pulumi_policy.Policy]:
    """One mandatory policy for each rule.

    Args:
        rules: The rules; all where it is left out.
    """
    chosen = all_rules() if rules is None else tuple(rules)
    return [_stack_policy(rule) if rule.resource_check is None else _resource_policy(rule) for rule in chosen]


def serve() -> None:
    """Serves all rules to the engine; does not return before the engine is done."""
    pulumi_policy.PolicyPack(
        name=PACK_NAME, policies=policies(), enforcement_level=pulumi_policy.EnforcementLevel.MANDATORY
    )


def _resource_policy(rule: Rule) -> pulumi_policy.ResourceValidationPolicy:
    types = frozenset(rule.resources)

    def validate(args: pulumi_policy.ResourceValidationArgs, report: pulumi_policy.ReportViolation) -> None:
        if args.resource_type not in types:
            args.not_applicable(f"{rule.id} does not speak about {args.resource_type}")
        resource = Resource(
            type=args.resource_type, name=args.name, urn=args.urn, properties=_properties(args.props)
        )
        _report(rule, rule.judge(resource, PRODUCTION), report)

    return pulumi_policy.ResourceValidationPolicy(validate=validate, **_about(rule))


def _stack_policy(rule: Rule) -> pulumi_policy.StackValidationPolicy:
    def validate(args: pulumi_policy.StackValidationArgs, report: pulumi_policy.ReportViolation) -> None:
        stack = Stack(resources=tuple(_declared(resource) for resource in args.resources))
        for judgement in judge([rule], stack.resources, PRODUCTION):
            if judgement.outcome is Outcome.NOT_APPLICABLE:
                args.not_applicable(f"the stack holds nothing that {rule.id} speaks about")
            _report(rule, judgement, report)

    return pulumi_policy.StackValidationPolicy(validate=validate, **_about(rule))


def _about(rule: Rule) -> _About:
    return _About(
        name=rule.id,
        description=rule.title,
        enforcement_level=pulumi_policy.EnforcementLevel.MANDATORY,
        display_name=rule.title,
        severity=_SEVERITIES[rule.severity],
        remediation_steps=rule.fix,
        tags=[rule.slug],
    )


def _report(rule: Rule, judgement: Judgement, report: pulumi_policy.ReportViolation) -> None:
    for finding in judgement.findings:
        report(rule.message(finding), finding.urn if judgement.urn is None else judgement.urn)
    if judgement.undecided:
        raise UndecidedError(rule.undecided_message(judgement.undecided))


def _declared(resource: pulumi_policy.PolicyResource) -> Resource:
    return Resource(
        type=resource.resource_type,
        name=resource.name,
        urn=resource.urn,
        properties=_properties(resource.props),
        references={
            name: frozenset(dependency.urn for dependency in dependencies)
            for name, dependencies in resource.property_dependencies.items()
        },
    )


def _properties(proxy: Mapping[str, object]) -> dict[str, object]:
    return {name: _read(proxy, name) for name in proxy}


def _read(proxy: Mapping[str, object] | Sequence[object], key: str | int) -> object:
    # The SDK's proxies raise on the touch of an unknown value, which ends the rule before its other findings.
    try:
        value = proxy[key]  # type: ignore[index] # the key fits the container it was taken from
    except UnknownValueError:
        return UNKNOWN
    if isinstance(value, Mapping):
        return _properties(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_read(value, position) for position in range(len(value))]
    return value
