"""Errors as each protocol writes them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape

from headway_sandbox.wire.identify import Call, Protocol
from headway_sandbox.wire.models import model_of

Answer = tuple[int, dict[str, str], bytes]

REQUEST_ID = "00000000-0000-0000-0000-000000000000"

# Services that throttle under a name or with a status of their own; the others do it as `_USUAL_THROTTLE`.
_USUAL_THROTTLE = ("ThrottlingException", 400)
_THROTTLES: Mapping[str, tuple[str, int]] = {
    "cloudwatch": ("Throttling", 400),
    "dynamodb": ("ProvisionedThroughputExceededException", 400),
    "ec2": ("RequestLimitExceeded", 503),
    "iam": ("Throttling", 400),
    "lambda": ("TooManyRequestsException", 429),
    "s3": ("SlowDown", 503),
    "scheduler": ("ThrottlingException", 429),
    "sns": ("Throttled", 429),
    "sqs": ("RequestThrottled", 403),
    "sts": ("Throttling", 400),
}
_COMMON_STATUS: Mapping[str, int] = {
    "AccessDenied": 403,
    "AccessDeniedException": 403,
    "InternalError": 500,
    "InternalFailure": 500,
    "InternalServerError": 500,
    "InternalServerException": 500,
    "RequestLimitExceeded": 503,
    "ServiceUnavailable": 503,
    "ServiceUnavailableException": 503,
    "SlowDown": 503,
}


@dataclass(frozen=True)
class ApiError:
    """An error of any service.

    Attributes:
        code: Its name as this service writes it on the wire.
        message: What is wrong.
        status: HTTP status.
    """

    code: str
    message: str
    status: int


def throttled(api: str) -> ApiError:
    """The error with which a service refuses too many requests."""
    code, status = _THROTTLES.get(api, _USUAL_THROTTLE)
    return ApiError(
        code, "Please reduce your request rate." if code == "SlowDown" else "Rate exceeded", status
    )


def named(call: Call, code: str, message: str | None, status: int | None) -> ApiError:
    """An error by the name that AWS gives it.

    Args:
        call: The call that it answers.
        code: Its name in the service's model, or any other.
        message: Its message; None for a usual one.
        status: HTTP status; None for the one that the model or custom gives it.
    """
    published = model_of(call.api).errors(call.operation).get(code)
    usual = _COMMON_STATUS.get(code, 400)
    wire_code, wire_status = (code, usual) if published is None else published
    rest_or_json = call.protocol in (Protocol.JSON, Protocol.REST_JSON, Protocol.CBOR)
    text = f"{call.operation} failed with {code}." if message is None else message
    return ApiError(code if rest_or_json else wire_code, text, wire_status if status is None else status)


def answer(call: Call, error: ApiError) -> Answer:
    """The whole answer that carries an error."""
    headers, body = _WRITERS[call.protocol](error, call)
    return error.status, {"x-amzn-requestid": REQUEST_ID, **headers}, body


def _json(error: ApiError, _call: Call) -> tuple[dict[str, str], bytes]:
    document = {"__type": error.code, "message": error.message}
    return {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(document).encode()


def _rest_json(error: ApiError, _call: Call) -> tuple[dict[str, str], bytes]:
    headers = {"Content-Type": "application/json", "x-amzn-errortype": error.code}
    return headers, json.dumps({"message": error.message}).encode()


def _query(error: ApiError, _call: Call) -> tuple[dict[str, str], bytes]:
    kind = "Sender" if error.status < 500 else "Receiver"
    return _xml(
        f"<ErrorResponse><Error><Type>{kind}</Type>{_code_and_message(error)}</Error>"
        f"<RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"
    )


def _ec2(error: ApiError, _call: Call) -> tuple[dict[str, str], bytes]:
    return _xml(
        f"<Response><Errors><Error>{_code_and_message(error)}</Error></Errors>"
        f"<RequestID>{REQUEST_ID}</RequestID></Response>"
    )


def _rest_xml(error: ApiError, call: Call) -> tuple[dict[str, str], bytes]:
    if call.api != "s3":
        return _query(error, call)
    return _xml(f"<Error>{_code_and_message(error)}<RequestId>{REQUEST_ID}</RequestId></Error>")


def _cbor(error: ApiError, _call: Call) -> tuple[dict[str, str], bytes]:
    # A map of two texts is all of CBOR that an error needs.
    body = b"\xa2" + b"".join(_cbor_text(text) for text in ("__type", error.code, "message", error.message))
    return {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}, body


def _cbor_text(text: str) -> bytes:
    data = text.encode()
    return b"\x79" + len(data).to_bytes(2, "big") + data


def _xml(text: str) -> tuple[dict[str, str], bytes]:
    return {"Content-Type": "text/xml"}, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()


def _code_and_message(error: ApiError) -> str:
    return f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"


_WRITERS: Mapping[Protocol, Callable[[ApiError, Call], tuple[dict[str, str], bytes]]] = {
    Protocol.JSON: _json,
    Protocol.QUERY: _query,
    Protocol.EC2: _ec2,
    Protocol.CBOR: _cbor,
    Protocol.REST_JSON: _rest_json,
    Protocol.REST_XML: _rest_xml,
}
