"""What answers is a version that was reviewed, not a draft."""

import re
from collections.abc import Callable

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Case, Rule
from headway_policies.subjects.examples import ACCOUNT, REGION, example
from headway_policies.subjects.values import plain

_ALIAS = "aws:bedrock/agentAgentAlias:AgentAgentAlias"
_FLOW = "aws:bedrock/agentFlow:AgentFlow"
_PROMPT = "configuration.prompt.sourceConfiguration.resource.promptArn"
_AGENT = "configuration.agent.agentAliasArn"
_DRAFT_ALIAS = "TSTALIASID"
"""Bedrock's own alias of an agent, which always answers with the draft."""
_VERSIONED = re.compile(r"arn:[\w-]+:bedrock:.*:prompt/[A-Za-z0-9]+:\d+")
_ARN = f"arn:aws:bedrock:{REGION}:{ACCOUNT}"


def _alias(title: str, version: object, says: str = "") -> Case:
    routes = [{"agentVersion": version}]
    return Case(title=title, resources=(example(_ALIAS, {"routingConfigurations": routes}),), says=says)


def _flow(title: str, name: str, value: object, says: str = "") -> Case:
    place = {
        "prompt": {"prompt": {"sourceConfiguration": {"resource": {"promptArn": value}}}},
        "agent": {"agent": {"agentAliasArn": value}},
    }[name]
    nodes = [{"name": "Answer", "configuration": place}]
    return Case(title=title, resources=(example(_FLOW, {"definition": {"nodes": nodes}}),), says=says)


RULE = Rule(
    id="HEADWAY-GEN-011",
    slug="route-version",
    title="What answers is a version that was reviewed, not a draft",
    since="0.1",
    severity=Severity.HIGH,
    resources=(_ALIAS, _FLOW),
    why=(
        "A draft is what somebody tries out at this moment. Whoever saves a prompt in the console changes "
        "what every user reads, past every gate."
    ),
    fix="Route to a version: a prompt's ARN with `:1` at its end, an agent's version or an alias of one.",
    passes=(
        _alias("a version of an agent", "3"),
        Case(title="a version that the alias makes itself", resources=(example(_ALIAS, {}),)),
        _flow("a version of a prompt", "prompt", f"{_ARN}:prompt/ABCDEF1234:2"),
        _flow("an alias of an agent", "agent", f"{_ARN}:agent-alias/AGENT12345/LIVE123456"),
        Case(
            title="a prompt in the flow itself, which is reviewed with it",
            resources=(
                example(
                    _FLOW,
                    {
                        "definition": {
                            "nodes": [
                                {
                                    "configuration": {
                                        "prompt": {"sourceConfiguration": {"inline": {"modelId": "m"}}}
                                    }
                                }
                            ]
                        }
                    },
                ),
            ),
        ),
    ),
    fails=(
        _alias("the draft of an agent", "DRAFT", says="agentVersion is 'DRAFT'"),
        _alias("the draft in other letters", "draft", says="'draft'"),
        _alias("an empty version", "", says="agentVersion is ''"),
        _flow("the draft of a prompt", "prompt", f"{_ARN}:prompt/ABCDEF1234", says="promptArn is"),
        _flow("the draft of a prompt by name", "prompt", f"{_ARN}:prompt/ABCDEF1234:DRAFT", says="DRAFT"),
        _flow(
            "the alias that always answers with the draft",
            *("agent", f"{_ARN}:agent-alias/AGENT12345/{_DRAFT_ALIAS}"),
            says=_DRAFT_ALIAS,
        ),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _alias("a version that is not known yet", UNKNOWN, says="agentVersion"),
        _flow("a prompt that is not known yet", "prompt", UNKNOWN, says="promptArn"),
    ),
    references=(
        "https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-management-deploy.html",
        "https://docs.aws.amazon.com/bedrock/latest/userguide/deploy-agent.html",
    ),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    if resource.type == _ALIAS:
        for path in resource.expand("routingConfigurations[*].agentVersion"):
            yield from _fixed(resource, path, "a number", lambda value: value.isdecimal())
        return
    for node in resource.items("definition.nodes"):
        if resource.has(f"{node}.{_PROMPT}"):
            want = "the ARN of a version, which ends in its number"
            yield from _fixed(
                resource, f"{node}.{_PROMPT}", want, lambda value: _VERSIONED.fullmatch(value) is not None
            )
        if resource.has(f"{node}.{_AGENT}"):
            want = "an alias of a version"
            yield from _fixed(resource, f"{node}.{_AGENT}", want, lambda value: _DRAFT_ALIAS not in value)


def _fixed(resource: Resource, path: str, want: str, holds: Callable[[str], bool]) -> Answers:
    value = resource.value(path)
    if value is UNKNOWN:
        yield Undecided(path=path)
    elif value is not None and not holds(str(plain(value))):
        yield Finding(path=path, got=value, want=want)
