"""Captured requests as SageMaker writes them to S3."""

import base64
import json

CSV, BASE64 = "CSV", "BASE64"


def captured_line(
    request: str, answer: str, *, event: str, at: str, inference_id: str | None = None, encoding: str = CSV
) -> str:
    """One request with its answer, both CSV, without a line's end.

    Args:
        request: Its rows.
        answer: What the model said.
        event: What tells the event apart.
        at: The time, as SageMaker writes it.
        inference_id: What the caller calls it; nothing when left out.
        encoding: How both are written: as they are, or in Base64.
    """
    metadata = {"eventId": event, "inferenceTime": at}
    if inference_id is not None:
        metadata["inferenceId"] = inference_id
    data = {
        "endpointInput": _part(request, "INPUT", encoding),
        "endpointOutput": _part(answer, "OUTPUT", encoding),
    }
    return json.dumps({"captureData": data, "eventMetadata": metadata, "eventVersion": "0"})


def _part(text: str, mode: str, encoding: str) -> dict[str, str]:
    data = base64.b64encode(text.encode()).decode() if encoding == BASE64 else text
    return {"observedContentType": "text/csv", "mode": mode, "data": data, "encoding": encoding}
