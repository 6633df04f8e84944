"""The queue on DynamoDB: an item is kept only when nobody else has changed it in the meantime."""

import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from headway_runtime.review.item import Item, RefusedError

KEY, EXPIRES = "review_id", "expires_at"
_ATTEMPTS = 5


class ReviewQueue:
    """Answers in review.

    Args:
        dynamodb: A boto3 client.
        table: Name of the table.
    """

    def __init__(self, dynamodb: Any, table: str) -> None:  # noqa: ANN401 - boto3 has no types
        self._dynamodb = dynamodb
        self._table = table

    def add(self, item: Item) -> bool:
        """Takes an item in; answers whether it was not there yet."""
        return self._put(item, f"attribute_not_exists({KEY})", {})

    def get(self, review_id: str) -> Item:
        """An item.

        Raises:
            RefusedError: There is none with this id.
        """
        found = self._dynamodb.get_item(
            TableName=self._table, Key={KEY: {"S": review_id}}, ConsistentRead=True
        ).get("Item")
        if found is None:
            raise RefusedError(
                f"there is no answer {review_id!r} in review; `headway review list` shows them"
            )
        return _read(found)

    def change(self, review_id: str, how: Callable[[Item], Item]) -> Item:
        """Changes an item; asks again what to do with it when somebody else was faster.

        Args:
            review_id: The item.
            how: Makes the new item of the present one; the same one for no change.

        Raises:
            RefusedError: It cannot be changed so, or others change it all the time.
        """
        for _ in range(_ATTEMPTS):
            before = self.get(review_id)
            after = how(before)
            seen = {":seen": {"N": str(before.revision)}}
            if after is before or self._put(after, "revision = :seen", seen):
                return after
        raise RefusedError(f"{review_id} is changed by others all the time; try again")

    def all(self) -> list[Item]:
        """Every item, as it is now, the oldest first; the table forgets by itself, so it stays small."""
        pages = self._dynamodb.get_paginator("scan").paginate(TableName=self._table, ConsistentRead=True)
        found = [_read(item) for page in pages for item in page["Items"]]
        return sorted(found, key=lambda item: (item.created_at, item.review_id))

    def _put(self, item: Item, condition: str, values: dict[str, Any]) -> bool:
        record = {
            KEY: {"S": item.review_id},
            # What DynamoDB forgets by itself, in whole seconds as it wants them.
            EXPIRES: {"N": str(int(item.expires_at))},
            "revision": {"N": str(item.revision)},
            "document": {"S": json.dumps(item.document(), sort_keys=True)},
        }
        known = {"ExpressionAttributeValues": values} if values else {}
        try:
            self._dynamodb.put_item(
                TableName=self._table, Item=record, ConditionExpression=condition, **known
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "ConditionalCheckFailedException":
                raise
            return False
        return True


def _read(found: dict[str, Any]) -> Item:
    return Item.from_document(json.loads(found["document"]["S"]))
