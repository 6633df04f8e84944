"""Which format a request has and which one its answer gets."""

from headway_runtime.serve.payload import JSON, READERS, WRITERS
from headway_runtime.serve.refusal import Refusal

_ENCODINGS = ("utf-8", "utf8", "us-ascii")


def content_type(header: str | None) -> str:
    """The format of a request body.

    Args:
        header: The Content-Type header; None when there is none.

    Raises:
        Refusal: 415, when no reader knows the format or the text is not UTF-8.
    """
    kind, _, rest = (header or "").partition(";")
    media = kind.strip().lower()
    if media not in READERS:
        given = f"Content-Type {header!r} is unknown" if header else "there is no Content-Type"
        raise Refusal(415, f"{given}; send one of {', '.join(READERS)}")
    for parameter in rest.split(";"):
        name, _, value = parameter.partition("=")
        charset = value.strip().strip('"').lower()
        if name.strip().lower() == "charset" and charset not in _ENCODINGS:
            raise Refusal(415, f"the charset {charset!r} is not read; send UTF-8")
    return media


def accepted(header: str | None) -> str:
    """The format of an answer: the most wanted one that can be written, JSON when anything goes.

    Args:
        header: The Accept header; None when there is none.

    Raises:
        Refusal: 406, when none of the formats can be written.
    """
    if header is None or header.strip() == "":
        return JSON
    best, best_quality = None, 0.0
    for part in header.split(","):
        pattern, _, parameters = part.partition(";")
        quality = _quality(parameters)
        media = _match(pattern.strip().lower())
        if media is not None and quality > best_quality:
            best, best_quality = media, quality
    if best is None:
        raise Refusal(
            406, f"Accept {header[:200]!r} names no format that can be written; accept {', '.join(WRITERS)}"
        )
    return best


def _match(pattern: str) -> str | None:
    if pattern == "*/*":
        return JSON
    if pattern.endswith("/*"):
        return next((media for media in WRITERS if media.startswith(pattern[:-1])), None)
    return pattern if pattern in WRITERS else None


def _quality(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
