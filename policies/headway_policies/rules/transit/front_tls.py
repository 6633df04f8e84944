"""What answers from outside speaks TLS 1.2 or later."""

import re

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, NotApplicable, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import Examples

_LISTENER = "aws:lb/listener:Listener"
_DOMAIN = "aws:apigateway/domainName:DomainName"
_DOMAIN_V2 = "aws:apigatewayv2/domainName:DomainName"
_POLICIES = {
    _LISTENER: "sslPolicy",
    _DOMAIN: "securityPolicy",
    _DOMAIN_V2: "domainNameConfiguration.securityPolicy",
}
_MODERN = re.compile(
    r"TLS_1_[23]|SecurityPolicy_TLS1[23]_.*|ELBSecurityPolicy-(TLS13-1-[23]|TLS-1-2|FS-1-2).*"
)
_SECURE = frozenset({"HTTPS", "TLS"})
_case = Examples(_LISTENER, {"protocol": "HTTPS", "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06"})
_domain = Examples(_DOMAIN, {"securityPolicy": "TLS_1_2"})

RULE = Rule(
    id="HEADWAY-TLS-004",
    slug="front-tls",
    title="What answers from outside speaks TLS 1.2 or later",
    since="0.1",
    severity=Severity.HIGH,
    resources=tuple(_POLICIES),
    why="Older versions of TLS are broken, and plain HTTP shows each request to everybody on the way.",
    fix="Use HTTPS with a security policy of TLS 1.2 or later; redirect HTTP to it.",
    passes=(
        _case("HTTPS with a modern policy"),
        _case(
            "HTTP that only sends on to HTTPS",
            {
                "protocol": "HTTP",
                "sslPolicy": None,
                "defaultActions": [{"type": "redirect", "redirect": {"protocol": "HTTPS"}}],
            },
        ),
        _domain("a domain of an API"),
    ),
    fails=(
        _case("plain HTTP", {"protocol": "HTTP", "sslPolicy": None}, says="protocol is 'HTTP'"),
        _case("an old policy", {"sslPolicy": "ELBSecurityPolicy-2016-08"}, says="2016-08"),
        _case("left out: AWS takes an old one", {"sslPolicy": None}, says="sslPolicy is nothing"),
        _domain("TLS 1.0", {"securityPolicy": "TLS_1_0"}, says="securityPolicy is 'TLS_1_0'"),
    ),
    exempts=(_case("packets behind TLS of somebody else", {"protocol": "TCP", "sslPolicy": None}),),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("not known yet", {"sslPolicy": UNKNOWN}, says="sslPolicy"),),
    references=(
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html",
    ),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    path = _POLICIES[resource.type]
    protocol = resource.text("protocol") if resource.type == _LISTENER else "HTTPS"
    if protocol == "HTTP":
        onward = [resource.value(f"{each}.redirect.protocol") for each in resource.items("defaultActions")]
        if not onward or any(each != "HTTPS" for each in onward):
            yield Finding(path="protocol", got=protocol, want="HTTPS")
    elif protocol not in _SECURE:
        yield NotApplicable(reason="the listener passes packets on")
    elif resource.value(path) is UNKNOWN:
        yield Undecided(path=path)
    elif not _MODERN.fullmatch(str(resource.value(path))):
        yield Finding(path=path, got=resource.value(path), want="a policy of TLS 1.2 or later")
