"""Which operation a REST request is: method, path, query and headers against a service's model."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

from headway_sandbox.sagemaker.conformance import Shape
from headway_sandbox.wire.models import model_of
from headway_sandbox.wire.request import HttpRequest

_LABEL = re.compile(r"\{([^}+]+)(\+?)\}")


@dataclass(frozen=True)
class Match:
    """A REST request's operation.

    Attributes:
        operation: Its name.
        labels: The path's variable parts, decoded.
    """

    operation: str
    labels: dict[str, str]


@dataclass(frozen=True)
class _Route:
    operation: str
    method: str
    path: re.Pattern[str]
    query: frozenset[tuple[str, str]]
    parameters: frozenset[str]
    headers: frozenset[str]
    rank: tuple[int, int, int]


def match(api: str, request: HttpRequest) -> Match | None:
    """The operation of a REST request; None if the service has none there.

    Args:
        api: botocore's name of the service.
        request: The request.
    """
    given = frozenset(parse_qsl(request.query, keep_blank_values=True))
    names = {name for name, _ in given}
    fitting = [
        (route, found)
        for route in _routes(api)
        if route.method == request.method
        and _has(route.query, given)
        and (found := route.path.fullmatch(request.path)) is not None
    ]
    # Where nothing has all that it asks for, the first is named, so that it can say what it misses.
    whole = [
        (route, found)
        for route, found in fitting
        if route.parameters <= names and route.headers <= request.headers.keys()
    ]
    for route, found in whole or fitting:
        labels = {name: unquote(value) for name, value in found.groupdict().items()}
        return Match(route.operation, labels)
    return None


def _has(wanted: frozenset[tuple[str, str]], given: frozenset[tuple[str, str]]) -> bool:
    """Whether a query has all that a route asks for; a part without a value may come with any."""
    names = {name for name, _ in given}
    return all(pair in given or (pair[1] == "" and pair[0] in names) for pair in wanted)


@functools.cache
def _routes(api: str) -> tuple[_Route, ...]:
    """All routes of a service, the most specific first."""
    model = model_of(api)
    routes = [
        _route(name, model.http(name), model.input_shape(name)) for name in sorted(model.operation_names)
    ]
    return tuple(sorted((route for route in routes if route is not None), key=lambda route: route.rank))


def _route(operation: str, http: dict[str, str], shape: Shape | None) -> _Route | None:
    if "requestUri" not in http:
        return None
    path, _, query = http["requestUri"].partition("?")
    pattern, end = "", 0
    labels = list(_LABEL.finditer(path))
    for label in labels:
        name, greedy = label.groups()
        pattern += re.escape(path[end : label.start()]) + f"(?P<{_group(name)}>{'.+' if greedy else '[^/]+'})"
        end = label.end()
    pattern += re.escape(path[end:])
    fixed = frozenset(parse_qsl(query, keep_blank_values=True))
    # Operations that share a path differ in what must come with them: in S3, a copy names its source.
    parameters, headers = _required(shape, "querystring"), _required(shape, "header")
    # What asks for more comes first, then what has fewer variable parts, then the longer fixed text.
    asked = len(fixed) + len(parameters) + len(headers)
    rank = (-asked, len(labels), -len(_LABEL.sub("", path)))
    whole = re.compile(pattern.rstrip("/") + "/?")
    return _Route(operation, http["method"], whole, fixed, parameters, headers, rank)


def _required(shape: Shape | None, location: str) -> frozenset[str]:
    """What the required members in the query or in headers are called on the wire."""
    if shape is None:
        return frozenset()
    members = [(name, shape.members[name].serialization) for name in shape.required_members]
    named = [found.get("name", name) for name, found in members if found.get("location") == location]
    return frozenset(name.lower() if location == "header" else name for name in named)


def _group(name: str) -> str:
    return re.sub(r"\W", "_", name)
