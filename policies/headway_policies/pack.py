"""The rules as a policy pack of Pulumi: what the engine asks before and during an update.

The pack answers the engine's Analyzer protocol itself. The SDK's own server reads every resource anew for
every policy, which with many rules costs seconds, and it ends a policy at the first unknown value, which
hides the breach beside it.
"""

# ruff: noqa: ARG002, N802 - names and parameters of the methods are the protocol's

import gc
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import grpc
from google.protobuf import empty_pb2

from headway_policies.engine_view import EngineView
from headway_policies.exceptions import Breach, Exceptions, ExceptionStatus
from headway_policies.framework_map import FOLDER, Framework, controls_by_rule, load_frameworks
from headway_policies.intent import FRAMEWORKS, read_intent
from headway_policies.judge import judge
from headway_policies.outcome import Finding, Judgement, Outcome, Severity
from headway_policies.protocol import analyzer_pb2, analyzer_pb2_grpc, plugin_pb2
from headway_policies.redaction import HIDDEN, Redactor
from headway_policies.registry import RuleFileError, rules_with
from headway_policies.resource import Resource
from headway_policies.rule import ANY_TYPE, Rule
from headway_policies.settings import (
    ALL_RULES,
    EXCEPTIONS_NAME,
    GateSettings,
    Level,
    load_settings,
    unknown_rules,
)
from headway_policies.toml_tables import DataFileError

PACK_NAME: Final = "headway"
_MESSAGE_BYTES: Final = 400 * 1024**2
_THREADS: Final = 8

_WORSE: Final = tuple(Severity)
_SEVERITIES: Final = {
    Severity.LOW: analyzer_pb2.POLICY_SEVERITY_LOW,
    Severity.MEDIUM: analyzer_pb2.POLICY_SEVERITY_MEDIUM,
    Severity.HIGH: analyzer_pb2.POLICY_SEVERITY_HIGH,
    Severity.CRITICAL: analyzer_pb2.POLICY_SEVERITY_CRITICAL,
}
_TO_WIRE: Final = {
    Level.MANDATORY: analyzer_pb2.MANDATORY,
    Level.ADVISORY: analyzer_pb2.ADVISORY,
    Level.DISABLED: analyzer_pb2.DISABLED,
}
_FROM_WIRE: Final = {
    **{wire: level for level, wire in _TO_WIRE.items()},
    analyzer_pb2.REMEDIATE: Level.MANDATORY,
}


class Pack(analyzer_pb2_grpc.AnalyzerServicer):
    """Answers one engine.

    Args:
        rules: The rules.
        settings: What the team decided.
        frameworks: The frameworks; rules name their controls.
        today: Gives the day that counts for exceptions.
    """

    def __init__(
        self,
        rules: Iterable[Rule],
        settings: GateSettings,
        frameworks: Iterable[Framework] = (),
        today: Callable[[], date] = lambda: datetime.now(UTC).date(),
    ) -> None:
        self._rules = tuple(rules)
        self._settings = settings
        self._levels = {rule.id: settings.level(rule.id) for rule in self._rules}
        self._controls = controls_by_rule(frameworks)
        self._framework_ids = frozenset({*FRAMEWORKS, *(item.id for item in frameworks)})
        self._today = today
        self._view = EngineView()
        self._intent = read_intent({}, self._framework_ids)
        self._lock = threading.Lock()
        self._later = analyzer_pb2.AnalyzeResponse(
            not_applicable=[
                analyzer_pb2.PolicyNotApplicable(
                    policy_name=rule.id, reason="it is judged with the whole stack"
                )
                for rule in self._rules
                if rule.resource_check is not None
            ]
        )

    def Handshake(
        self, request: analyzer_pb2.AnalyzerHandshakeRequest, context: grpc.ServicerContext
    ) -> analyzer_pb2.AnalyzerHandshakeResponse:
        """Says that it is there."""
        return analyzer_pb2.AnalyzerHandshakeResponse()

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """Leaves the version to `PulumiPolicy.yaml`."""
        return plugin_pb2.PluginInfo(version="0.0.1")

    def GetAnalyzerInfo(
        self, request: empty_pb2.Empty, context: grpc.ServicerContext
    ) -> analyzer_pb2.AnalyzerInfo:
        """Every rule as a policy, so that a policy configuration can name it."""
        return analyzer_pb2.AnalyzerInfo(
            name=PACK_NAME, version="0.0.1", supportsConfig=True, policies=[*map(self._policy, self._rules)]
        )

    def Configure(
        self, request: analyzer_pb2.ConfigureAnalyzerRequest, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """Takes the enforcement levels of a policy configuration; refuses one that names no rule."""
        problems = unknown_rules(request.policyConfig, self._levels)
        if problems:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "\n".join(problems))
        for name, config in request.policyConfig.items():
            if name != ALL_RULES:
                self._levels[name] = _FROM_WIRE[config.enforcementLevel]
        return empty_pb2.Empty()

    def ConfigureStack(
        self, request: analyzer_pb2.AnalyzerStackConfigureRequest, context: grpc.ServicerContext
    ) -> analyzer_pb2.AnalyzerStackConfigureResponse:
        """Takes in what the stack is meant to be."""
        self._view.configure(request)
        self._intent = read_intent(self._view.configuration, self._framework_ids)
        return analyzer_pb2.AnalyzerStackConfigureResponse()

    def Remediate(
        self, request: analyzer_pb2.AnalyzeRequest, context: grpc.ServicerContext
    ) -> analyzer_pb2.RemediateResponse:
        """Changes nothing: what ships is what was reviewed."""
        return analyzer_pb2.RemediateResponse()

    def Analyze(
        self, request: analyzer_pb2.AnalyzeRequest, context: grpc.ServicerContext
    ) -> analyzer_pb2.AnalyzeResponse:
        """Judges one resource by itself, before it is made.

        At a preview nothing is made yet, and what a value is made of is only told with the whole stack, so
        there everything is judged at its end.
        """
        with self._lock:
            resource = self._view.resource(request)
        if self._view.is_preview:
            return self._later
        rules = [rule for rule in self._rules if rule.resource_check is not None and self._is_on(rule)]
        judgements = (
            rule.judge(resource, self._intent)
            for rule in rules
            if rule.speaks_about(resource.type) and resource.is_custom
        )
        silent = [rule for rule in rules if not rule.speaks_about(resource.type)]
        return self._response(judgements, {resource.urn: resource}, silent)

    def AnalyzeStack(
        self, request: analyzer_pb2.AnalyzeStackRequest, context: grpc.ServicerContext
    ) -> analyzer_pb2.AnalyzeResponse:
        """Judges how the resources hang together; at a preview also each by itself."""
        with self._lock:
            resources = self._view.resources(request.resources)
        rules = [rule for rule in self._rules if self._is_on(rule)]
        types = {item.type for item in resources}
        judgements = (
            item
            for item in judge(rules, resources, self._intent, alone=self._view.is_preview)
            if item.outcome is not Outcome.NOT_APPLICABLE
        )
        silent = [
            item for item in rules if ANY_TYPE not in item.resources and types.isdisjoint(item.resources)
        ]
        # At an update the exceptions for single resources were asked for before, one by one.
        whole = self._view.is_preview
        return self._response(judgements, {item.urn: item for item in resources}, silent, whole=whole)

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Has nothing to cancel: no answer takes long."""
        return empty_pb2.Empty()

    def _is_on(self, rule: Rule) -> bool:
        return self._levels[rule.id] is not Level.DISABLED

    def _response(
        self,
        judgements: Iterable[Judgement],
        resources: dict[str, Resource],
        silent: Iterable[Rule],
        *,
        whole: bool = False,
    ) -> analyzer_pb2.AnalyzeResponse:
        exceptions = Exceptions(self._settings.exceptions, self._view.stack, self._today())
        given = tuple(judgements)
        told = [item for judgement in given for item in self._told(judgement, resources, exceptions)]
        told += self._waiting(given, resources)
        for use in exceptions.uses():
            item = use.exception
            what = f"the exception for {item.rule} of {item.resource}"
            if use.status is ExceptionStatus.EXPIRED:
                # The finding itself is told; this says why nothing covers it any more.
                text = f"{what} expired on {item.expires}"
                told.append(self._diagnostic(item.rule, Level.ADVISORY, text, ""))
            elif use.status is ExceptionStatus.UNMATCHED and whole:
                text = (
                    f"{what} matches nothing; take it out of {EXCEPTIONS_NAME}, or mend its rule or resource"
                )
                told.append(self._diagnostic(item.rule, Level.ADVISORY, text, ""))
        return analyzer_pb2.AnalyzeResponse(
            diagnostics=told,
            not_applicable=[
                analyzer_pb2.PolicyNotApplicable(policy_name=rule.id, reason="it speaks about other types")
                for rule in silent
            ],
        )

    def _told(
        self, judgement: Judgement, resources: dict[str, Resource], exceptions: Exceptions
    ) -> Iterator[Any]:
        rule = next(item for item in self._rules if item.id == judgement.rule_id)
        level = self._levels[rule.id]
        redactor = Redactor(self._view.secret_texts)
        if judgement.error is not None:
            yield self._diagnostic(rule.id, level, rule.error_message(judgement.error), judgement.urn or "")
        for finding in judgement.findings:
            urn = finding.urn or judgement.urn or ""
            accepted = exceptions.accept(Breach(rule_id=rule.id, urn=urn))
            text = redactor.text(rule.message(_hidden(finding, resources.get(urn))))
            if accepted is None:
                yield self._diagnostic(rule.id, level, text, urn)
            else:
                note = f"excepted until {accepted.expires} ({accepted.owner}, {accepted.ticket}): {text}"
                yield self._diagnostic(rule.id, Level.ADVISORY, note, urn)
        if judgement.undecided and not self._waits(rule):
            text = redactor.text(rule.undecided_message(judgement.undecided))
            yield self._diagnostic(rule.id, level, text, judgement.urn or "")

    def _waits(self, rule: Rule) -> bool:
        # At an update nothing is left to wait for, and some rules have to decide before it.
        return self._view.is_preview and not rule.decides_at_preview

    def _waiting(self, judgements: Iterable[Judgement], resources: Mapping[str, Resource]) -> Iterator[Any]:
        """What is left for the update to decide: each value once, with all rules that wait for it."""
        by_id = {rule.id: rule for rule in self._rules}
        waiting: dict[tuple[str, str], dict[str, Rule]] = {}
        for judgement in judgements:
            rule = by_id[judgement.rule_id]
            for item in judgement.undecided if self._waits(rule) else ():
                place = (item.urn or judgement.urn or "", item.path)
                waiting.setdefault(place, {})[rule.id] = rule
        for (urn, path), rules in waiting.items():
            worst = max(rules.values(), key=lambda rule: _WORSE.index(rule.severity))
            name = resources[urn].name if urn in resources else "the stack"
            text = Redactor(self._view.secret_texts).text(_waiting_text(worst, rules, path, name))
            yield self._diagnostic(worst.id, Level.ADVISORY, text, urn)

    def _diagnostic(self, rule_id: str, level: Level, message: str, urn: str) -> Any:  # noqa: ANN401
        rule = next((item for item in self._rules if item.id == rule_id), None)
        return analyzer_pb2.AnalyzeDiagnostic(
            policyName=rule_id,
            policyPackName=PACK_NAME,
            message=message,
            urn=urn,
            description="" if rule is None else rule.title,
            enforcementLevel=_TO_WIRE[level],
            severity=analyzer_pb2.POLICY_SEVERITY_UNSPECIFIED if rule is None else _SEVERITIES[rule.severity],
        )

    def _policy(self, rule: Rule) -> Any:  # noqa: ANN401 - a message of the engine
        is_alone = rule.resource_check is not None
        return analyzer_pb2.PolicyInfo(
            name=rule.id,
            displayName=rule.title,
            description=rule.title,
            enforcementLevel=_TO_WIRE[self._levels[rule.id]],
            policy_type=(analyzer_pb2.POLICY_TYPE_RESOURCE if is_alone else analyzer_pb2.POLICY_TYPE_STACK),
            severity=_SEVERITIES[rule.severity],
            remediation_steps=rule.fix,
            tags=[rule.slug, *self._controls.get(rule.id, ())],
        )


def _waiting_text(worst: Rule, rule_ids: Iterable[str], path: str, name: str) -> str:
    """The text for a value that this preview does not know, with the rules that wait for it."""
    ids = list(rule_ids)
    verb = "is" if len(ids) == 1 else "are"
    return (
        f"{', '.join(ids)} {verb} undecided: {path} of {name} is not known before the update, which decides; "
        f"`headway gate` may decide it now.\nMore: headway explain {worst.id}"
    )


def _hidden(finding: Finding, resource: Resource | None) -> Finding:
    top = finding.path.split(".", 1)[0].split("[", 1)[0].split(" ", 1)[0]
    if resource is None or top not in resource.secrets or finding.got is None:
        return finding
    return Finding(path=finding.path, got=HIDDEN, want=finding.want, urn=finding.urn)


def load_pack(folder: Path) -> Pack:
    """The pack of a policies folder: Headway's rules, the team's own, its decisions and exceptions.

    Raises:
        DataFileError: `gate.toml`, `exceptions.toml` or a framework cannot be taken as it is.
        RuleFileError: A rule of the team cannot be loaded.
    """
    settings = load_settings(folder)
    frameworks = load_frameworks((FOLDER, *settings.framework_folders))
    rules = rules_with(settings.rule_folders)
    settings.require_rules(rule.id for rule in rules)
    return Pack(rules, settings, frameworks)


def serve(folder: Path) -> None:
    """Serves the pack of a policies folder to the engine; does not return before the engine is done.

    Args:
        folder: The folder with `gate.toml`.
    """
    # Loading leaves no garbage, and looking for some takes a tenth of the start.
    gc.disable()
    try:
        pack = load_pack(folder)
    except (DataFileError, RuleFileError) as error:
        sys.exit(f"the policy pack cannot judge by what it was given:\n{error}")
    gc.freeze()
    gc.enable()
    options = [
        ("grpc.max_receive_message_length", _MESSAGE_BYTES),
        ("grpc.max_send_message_length", _MESSAGE_BYTES),
    ]
    server = grpc.server(ThreadPoolExecutor(max_workers=_THREADS), options=options)
    analyzer_pb2_grpc.add_AnalyzerServicer_to_server(pack, server)
    port = server.add_insecure_port("127.0.0.1:0")
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    stopped.wait()
    server.stop(grace=None).wait()
