"""What ministack would answer with a made-up success; here it is refused by name.

Found by reading and calling the services that Headway's resource types use. A person who has a model server
of their own names it in MINISTACK_BEDROCK_PROXY_URL, and the calls that it can answer go there.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from headway_sandbox.wire import errors
from headway_sandbox.wire.identify import Call, identify
from headway_sandbox.wire.request import HttpRequest

PROXY_VARIABLE = "MINISTACK_BEDROCK_PROXY_URL"
_NO_MODEL = (
    f"this sandbox runs no foundation model; set {PROXY_VARIABLE} to an OpenAI-compatible server of your own "
    "before the sandbox starts, and it answers"
)
_NO_AGENT = "this sandbox runs no agent, flow or knowledge base"

REFUSED: Mapping[tuple[str, str], str] = {
    **{
        ("bedrock-runtime", name): _NO_MODEL
        for name in (
            "Converse",
            "ConverseStream",
            "InvokeModel",
            "InvokeModelWithResponseStream",
            "InvokeModelWithBidirectionalStream",
            "StartAsyncInvoke",
            "CountTokens",
        )
    },
    **{
        ("bedrock-agent-runtime", name): _NO_AGENT
        for name in (
            "GenerateQuery",
            "InvokeAgent",
            "InvokeFlow",
            "InvokeInlineAgent",
            "OptimizePrompt",
            "Rerank",
            "Retrieve",
            "RetrieveAndGenerate",
            "RetrieveAndGenerateStream",
        )
    },
}
SERVICES = frozenset(api for api, _ in REFUSED)


def refused(request: HttpRequest, service: str) -> errors.Answer | None:
    """The answer that refuses a call whose success would be made up; None lets it through.

    Args:
        request: The request.
        service: What ministack calls the service.
    """
    call = identify(request, "bedrock") if service in SERVICES else None
    why = None if call is None else REFUSED.get((call.api, call.operation))
    if call is None or why is None or (why is _NO_MODEL and os.environ.get(PROXY_VARIABLE)):
        return None
    return errors.answer(call, _error(call, why))


def _error(call: Call, why: str) -> errors.ApiError:
    message = f"The operation {call.operation} of {call.api} is not emulated: {why}."
    return errors.ApiError("UnknownOperationException", message, 501)
