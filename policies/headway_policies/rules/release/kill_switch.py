"""A switch takes a production model out without a deployment."""

import json

from headway_policies.intent import DEVELOPMENT, PRODUCTION, Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Case, Rule
from headway_policies.stack_graph import Stack
from headway_policies.subjects.edges import naming
from headway_policies.subjects.endpoints import ENDPOINT
from headway_policies.subjects.examples import example
from headway_policies.subjects.values import NOT_PRODUCTION, is_strict

_PROFILE = "aws:appconfig/configurationProfile:ConfigurationProfile"
_VERSION = "aws:appconfig/hostedConfigurationVersion:HostedConfigurationVersion"
_FLAGS = "AWS.AppConfig.FeatureFlags"
_ENDPOINT = example(ENDPOINT, {"name": "flights"}, "endpoint")
_SWITCH = example(_PROFILE, {"type": _FLAGS, "configurationProfileId": "p-1"}, "switch")


def _version(content: object, profile: object = "p-1") -> Resource:
    return example(_VERSION, {"configurationProfileId": profile, "content": content}, "version")


def _case(title: str, *others: Resource, says: str = "", intent: Intent = PRODUCTION) -> Case:
    return Case(title=title, resources=(_ENDPOINT, *others), says=says, intent=intent)


_ON = json.dumps(
    {"version": "1", "flags": {"model": {"name": "model"}}, "values": {"model": {"enabled": True}}}
)

RULE = Rule(
    id="HEADWAY-REL-007",
    slug="kill-switch",
    title="A switch takes a production model out without a deployment",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(ENDPOINT,),
    reads=(_PROFILE, _VERSION),
    why="At night, with a model that does harm, nobody wants to wait for a build, a review and an update.",
    fix=(
        "Declare a feature flag of AWS AppConfig that turns to the baseline; `headway_components.Release` "
        "does."
    ),
    passes=(
        _case("a feature flag", _SWITCH, _version(_ON)),
        _case("a flag whose content is not known yet", _SWITCH, _version(UNKNOWN)),
    ),
    fails=(
        _case("none", says="kill switch is nothing"),
        _case("a profile without a version", _SWITCH, says="kill switch is nothing"),
        _case("a version without flags", _SWITCH, _version('{"flags": {}}'), says="flags is {}"),
        _case("a configuration that is no flag", example(_PROFILE, {"type": "AWS.Freeform"}), says="nothing"),
    ),
    exempts=(_case("outside production", intent=DEVELOPMENT),),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case("a profile whose kind is not known yet", example(_PROFILE, {"type": UNKNOWN}), says="type"),
    ),
    references=(
        "https://docs.aws.amazon.com/appconfig/latest/userguide/appconfig-type-reference-feature-flags.html",
    ),
)


@RULE.check_edges
def _(_resource: Resource, stack: Stack, intent: Intent) -> Answers:
    if not is_strict(intent):
        yield NOT_PRODUCTION
        return
    profiles = stack.of_type(_PROFILE)
    versions = [
        version
        for profile in profiles
        if profile.value("type") == _FLAGS
        for version in naming(stack, profile, _VERSION, "configurationProfileId")
    ]
    unknown = next((profile for profile in profiles if profile.value("type") is UNKNOWN), None)
    if not versions and unknown is not None:
        yield Undecided(path="type", urn=unknown.urn)
    elif not versions:
        yield Finding(path="kill switch", got=None, want="a feature flag of AWS AppConfig with a version")
    for version in versions:
        if version.value("content") is UNKNOWN:
            continue
        document = version.json("content")
        flags = document.get("flags") if isinstance(document, dict) else None
        if not flags:
            yield Finding(path="content flags", got=flags, want="at least one flag", urn=version.urn)
