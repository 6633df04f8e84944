"""Which operation of which service a request asks for."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from urllib.parse import parse_qs

from headway_sandbox.wire import routes
from headway_sandbox.wire.models import apis_signed_as, model_of
from headway_sandbox.wire.request import HttpRequest

_CBOR_PATH = re.compile(r"/service/[^/]+/operation/(\w+)")


class Protocol(enum.Enum):
    """How a request and its answer are written."""

    JSON = "json"
    QUERY = "query"
    EC2 = "ec2"
    CBOR = "smithy-rpc-v2-cbor"
    REST_JSON = "rest-json"
    REST_XML = "rest-xml"


@dataclass(frozen=True)
class Call:
    """What a request asks for.

    Attributes:
        api: botocore's name of the service.
        operation: The operation's name.
        protocol: How the answer has to be written.
    """

    api: str
    operation: str
    protocol: Protocol


def identify(request: HttpRequest, signing_name: str | None = None) -> Call | None:
    """What a request asks for; None where that cannot be told.

    Args:
        request: The request with its body.
        signing_name: The service that it is for where its signature does not say.
    """
    name = request.signing_name or signing_name
    apis = () if name is None else apis_signed_as(name)
    if not apis:
        return None
    if target := request.headers.get("x-amz-target"):
        return Call(apis[0], target.rpartition(".")[2], Protocol.JSON)
    if found := _CBOR_PATH.fullmatch(request.path):
        return Call(apis[0], found[1], Protocol.CBOR)
    if action := _action(request):
        return Call(apis[0], action, Protocol.EC2 if apis[0] == "ec2" else Protocol.QUERY)
    for api in apis:
        match = routes.match(api, request)
        if match is not None:
            protocol = Protocol.REST_XML if model_of(api).protocol == "rest-xml" else Protocol.REST_JSON
            return Call(api, match.operation, protocol)
    return None


def _action(request: HttpRequest) -> str | None:
    """The Action parameter of the query protocol."""
    fields = parse_qs(request.query)
    if "x-www-form-urlencoded" in request.headers.get("content-type", ""):
        fields |= parse_qs(request.body.decode("utf-8", "replace"))
    return fields.get("Action", [None])[0]
