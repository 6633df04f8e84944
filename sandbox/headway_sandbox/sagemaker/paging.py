"""Filtering, sorting and paging that SageMaker's list operations share."""

from __future__ import annotations

import base64
import binascii
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from headway_sandbox.sagemaker.protocol import Document, validation_error

DEFAULT_PAGE_SIZE = 10

Item = TypeVar("Item")
Comparison = Callable[[Any, Any], bool]

_TIME_FILTERS: tuple[tuple[str, str, Comparison], ...] = (
    ("CreationTimeAfter", "CreationTime", operator.ge),
    ("CreationTimeBefore", "CreationTime", operator.le),
    ("CreatedAfter", "CreationTime", operator.ge),
    ("CreatedBefore", "CreationTime", operator.le),
    ("LastModifiedTimeAfter", "LastModifiedTime", operator.ge),
    ("LastModifiedTimeBefore", "LastModifiedTime", operator.le),
)


def select(
    documents: Sequence[Document],
    request: Document,
    *,
    name: str,
    equal: Mapping[str, str] | None = None,
    sort_keys: Mapping[str, str] | None = None,
    default_order: str = "Descending",
) -> list[Document]:
    """The documents that a list request asks for, sorted.

    Args:
        documents: All documents of the kind, oldest first.
        request: The list request: ``NameContains``, time limits, ``SortBy``, ``SortOrder``.
        name: Member that ``NameContains`` looks into, for example ``ModelName``.
        equal: Further filters that must be equal: request member to document member.
        sort_keys: Document member for each value of ``SortBy``; without the member, creation decides.
        default_order: ``Ascending`` or ``Descending`` when the request does not say.
    """
    tests: list[Callable[[Document], bool]] = []
    if "NameContains" in request:
        tests.append(_test(name, lambda value, part: part in value.lower(), request["NameContains"].lower()))
    for member, field, compare in _TIME_FILTERS:
        if member in request:
            tests.append(_test(field, compare, request[member]))
    for member, field in (equal or {}).items():
        if member in request:
            tests.append(_test(field, operator.eq, request[member]))
    chosen = [document for document in documents if all(test(document) for test in tests)]
    sort_key = (sort_keys or {}).get(request.get("SortBy", ""))
    if sort_key is not None:
        chosen.sort(key=lambda document: document[sort_key])
    if request.get("SortOrder", default_order) == "Descending":
        chosen.reverse()
    return chosen


def page(
    items: Sequence[Item], request: Document, default_size: int = DEFAULT_PAGE_SIZE
) -> tuple[list[Item], dict[str, str]]:
    """One page of a list.

    Args:
        items: The whole list, filtered and sorted.
        request: The list request: ``MaxResults``, ``NextToken``.
        default_size: Page size when the request gives none.

    Returns:
        The page's items, and ``{"NextToken": ...}`` if there are more.

    Raises:
        ServiceError: If the token is not one that this function made.
    """
    start = _offset(request["NextToken"]) if "NextToken" in request else 0
    end = start + request.get("MaxResults", default_size)
    token = (
        {"NextToken": base64.urlsafe_b64encode(f"offset:{end}".encode()).decode()} if end < len(items) else {}
    )
    return list(items[start:end]), token


def _test(field: str, compare: Comparison, limit: object) -> Callable[[Document], bool]:
    """Whether a document's member compares with a value as wanted; a missing one does not."""
    return lambda document: field in document and compare(document[field], limit)


def _offset(token: str) -> int:
    try:
        label, _, number = base64.urlsafe_b64decode(token.encode()).decode().partition(":")
        if label == "offset":
            return int(number)
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise validation_error(f"Invalid NextToken: {token}") from error
    raise validation_error(f"Invalid NextToken: {token}")
