"""Model cards: versions of a document about a model, held to AWS's published schema of it."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headway_sandbox.sagemaker.paging import page, select
from headway_sandbox.sagemaker.protocol import (
    Coverage,
    Document,
    SageMaker,
    ServiceError,
    operation,
    validation_error,
)
from headway_sandbox.sagemaker.tags import delete_tags, save_tags

KIND = "model-card"
ARCHIVED = "Archived"

_VERSIONS = "Versions"
_SCHEMA = Path(__file__).with_name("model_card_schema.json")
_SUMMARY = ("ModelCardName", "ModelCardArn", "ModelCardStatus", "CreationTime", "LastModifiedTime")
_PROBLEM_LIMIT = 10


@operation("CreateModelCard", Coverage.KEEPS_STATE)
async def create_model_card(service: SageMaker, request: Document) -> Document:
    """Creates the first version of a card."""
    name = request["ModelCardName"]
    arn = service.arn(KIND, name)
    if service.store.get(KIND, name.lower()) is not None:
        raise ServiceError("ConflictException", f"Model Card {arn} already exists.")
    _check(request["Content"])
    save_tags(service, arn, request.get("Tags"))
    now = service.clock()
    card = {
        "ModelCardName": name,
        "ModelCardArn": arn,
        "CreationTime": now,
        "CreatedBy": {},
        **({"SecurityConfig": request["SecurityConfig"]} if "SecurityConfig" in request else {}),
        _VERSIONS: [_version(request["Content"], request["ModelCardStatus"], now)],
    }
    service.store.put(KIND, name.lower(), card)
    return {"ModelCardArn": arn}


@operation("UpdateModelCard", Coverage.KEEPS_STATE)
async def update_model_card(service: SageMaker, request: Document) -> Document:
    """Makes a new version of changed content, or changes the status of the newest version."""
    card = _find(service, request["ModelCardName"])
    newest = card[_VERSIONS][-1]
    content = request.get("Content", newest["Content"])
    status = request.get("ModelCardStatus", newest["ModelCardStatus"])
    if content != newest["Content"] and status != newest["ModelCardStatus"]:
        raise validation_error("You cannot update both model card content and model card status in one call.")
    now = service.clock()
    versions = list(card[_VERSIONS])
    if content != newest["Content"]:
        if newest["ModelCardStatus"] == ARCHIVED:
            raise ServiceError(
                "ConflictException",
                f"Model Card {card['ModelCardArn']} is {ARCHIVED}; its content cannot be updated.",
            )
        _check(content)
        versions.append(_version(content, status, now))
    else:
        versions[-1] = {**newest, "ModelCardStatus": status, "LastModifiedTime": now}
    service.store.put(KIND, card["ModelCardName"].lower(), {**card, _VERSIONS: versions})
    return {"ModelCardArn": card["ModelCardArn"]}


@operation("DescribeModelCard", Coverage.KEEPS_STATE)
async def describe_model_card(service: SageMaker, request: Document) -> Document:
    """Describes a version of a card, the newest unless asked otherwise."""
    card = _find(service, request["ModelCardName"])
    number = request.get("ModelCardVersion", len(card[_VERSIONS]))
    if not 1 <= number <= len(card[_VERSIONS]):
        raise ServiceError(
            "ResourceNotFound",
            f"Model Card {card['ModelCardArn']} has no version {number}; it has 1 to {len(card[_VERSIONS])}.",
        )
    found = card[_VERSIONS][number - 1]
    content = "" if request.get("IncludedData", "AllData") == "MetadataOnly" else found["Content"]
    return {
        **{name: value for name, value in card.items() if name != _VERSIONS},
        "ModelCardVersion": number,
        "Content": content,
        "ModelCardStatus": found["ModelCardStatus"],
        "LastModifiedTime": found["LastModifiedTime"],
        "LastModifiedBy": {},
    }


@operation("ListModelCards", Coverage.KEEPS_STATE)
async def list_model_cards(service: SageMaker, request: Document) -> Document:
    """Lists cards with the status of their newest versions."""
    cards = [
        {**card, **{name: card[_VERSIONS][-1][name] for name in ("ModelCardStatus", "LastModifiedTime")}}
        for card in service.store.list(KIND)
    ]
    chosen = select(
        cards,
        request,
        name="ModelCardName",
        equal={"ModelCardStatus": "ModelCardStatus"},
        sort_keys={"Name": "ModelCardName"},
    )
    found, token = page(chosen, request)
    return {"ModelCardSummaries": [{name: card[name] for name in _SUMMARY} for card in found], **token}


@operation("ListModelCardVersions", Coverage.KEEPS_STATE)
async def list_model_card_versions(service: SageMaker, request: Document) -> Document:
    """Lists the versions of a card, the newest first unless asked otherwise."""
    card = _find(service, request["ModelCardName"])
    versions = [
        {
            "ModelCardName": card["ModelCardName"],
            "ModelCardArn": card["ModelCardArn"],
            "ModelCardVersion": number,
            **{name: value for name, value in version.items() if name != "Content"},
        }
        for number, version in enumerate(card[_VERSIONS], 1)
    ]
    chosen = select(versions, request, name="ModelCardName", equal={"ModelCardStatus": "ModelCardStatus"})
    found, token = page(chosen, request)
    return {"ModelCardVersionSummaryList": found, **token}


@operation("DeleteModelCard", Coverage.KEEPS_STATE)
async def delete_model_card(service: SageMaker, request: Document) -> Document:
    """Deletes a card with all of its versions."""
    card = _find(service, request["ModelCardName"])
    service.store.delete(KIND, card["ModelCardName"].lower())
    delete_tags(service, card["ModelCardArn"])
    return {}


def _find(service: SageMaker, name_or_arn: str) -> Document:
    name = name_or_arn.rpartition("/")[2]
    card = service.store.get(KIND, name.lower())
    if card is None:
        raise ServiceError("ResourceNotFound", f"Model Card {service.arn(KIND, name)} does not exist.")
    return card


def _version(content: str, status: str, now: float) -> Document:
    return {"Content": content, "ModelCardStatus": status, "CreationTime": now, "LastModifiedTime": now}


def _check(content: str) -> None:
    """Refuses content that is no model card.

    Raises:
        ServiceError: With every reason.
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise validation_error(f"The model card's Content is not JSON: {error}.") from error
    problems = list(_problems(document))
    if problems:
        more = f"; and {len(problems) - _PROBLEM_LIMIT} more" if len(problems) > _PROBLEM_LIMIT else ""
        raise validation_error(
            "The model card's Content does not follow the model card JSON schema: "
            f"{'; '.join(problems[:_PROBLEM_LIMIT])}{more}."
        )


def _problems(document: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    for error in sorted(
        _validator().iter_errors(document), key=lambda error: [str(part) for part in error.path]
    ):
        where = ".".join(str(part) for part in error.path)
        yield f"{where or 'the document'}: {error.message[:300]}"


@functools.cache
def _validator() -> Any:  # noqa: ANN401 - jsonschema is not typed
    # Imported on first use: a start does not wait for it.
    from jsonschema import Draft7Validator  # noqa: PLC0415

    return Draft7Validator(json.loads(_SCHEMA.read_text(encoding="utf-8")))
