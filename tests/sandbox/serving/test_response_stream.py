"""InvokeEndpointWithResponseStream, read with botocore's own decoder."""

from __future__ import annotations

import time

import pytest
from botocore.exceptions import EventStreamError

from headway_sandbox.dataplane import event_stream
from support.serving import Serving, refused


@pytest.fixture(scope="module")
def champion(serving: Serving) -> str:
    return serving.endpoint(serving.config_of({"NAME": "champion"}))


def test_parts_arrive_while_the_model_goes_on(serving: Serving, champion: str) -> None:
    began = time.monotonic()
    answer = serving.client("sagemaker-runtime").invoke_endpoint_with_response_stream(
        EndpointName=champion, Body=b"parts:5", ContentType="text/csv"
    )
    arrived = [(time.monotonic() - began, item["PayloadPart"]["Bytes"]) for item in answer["Body"]]

    assert b"".join(part for _, part in arrived) == b"0\n1\n2\n3\n4\n"
    assert (answer["ContentType"], answer["InvokedProductionVariant"]) == ("text/csv", "main")
    assert arrived[-1][0] - arrived[0][0] > 0.2, "the parts came all at once"


def test_an_answer_that_does_not_stream_comes_as_one_part(serving: Serving, champion: str) -> None:
    answer = serving.client("sagemaker-runtime").invoke_endpoint_with_response_stream(
        EndpointName=champion, Body=b"1,2"
    )

    assert b'"name": "champion"' in b"".join(item["PayloadPart"]["Bytes"] for item in answer["Body"])


def test_a_stream_that_breaks_off_ends_with_an_error(serving: Serving, champion: str) -> None:
    answer = serving.client("sagemaker-runtime").invoke_endpoint_with_response_stream(
        EndpointName=champion, Body=b"halves"
    )
    events = iter(answer["Body"])

    assert next(events)["PayloadPart"]["Bytes"] == b"0\n"
    with pytest.raises(EventStreamError, match="ModelStreamError"):
        next(events)


def test_a_model_that_refuses_is_a_model_error(serving: Serving, champion: str) -> None:
    with refused("ModelError", "Received client error (422)"):
        serving.client("sagemaker-runtime").invoke_endpoint_with_response_stream(
            EndpointName=champion, Body=b"status:422"
        )


def test_messages_are_laid_out_as_the_specification_says() -> None:
    from botocore.eventstream import EventStreamBuffer  # noqa: PLC0415 - only here

    buffer = EventStreamBuffer()
    buffer.add_data(
        event_stream.event("PayloadPart", b"\x00\xff") + event_stream.exception("E", {"Message": "m"})
    )

    first, second = list(buffer)

    assert (first.headers[":event-type"], first.payload) == ("PayloadPart", b"\x00\xff")
    assert (second.headers[":exception-type"], second.payload) == ("E", b'{"Message": "m"}')
