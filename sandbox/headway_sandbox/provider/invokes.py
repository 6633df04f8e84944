"""Data sources: what a program may ask for without declaring a resource."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from headway_sandbox.provider.aws import Aws, AwsError, EndpointError, partition_of
from headway_sandbox.provider.policy_document import render

_REVERSE_PREFIX = {"aws": "com.amazonaws", "aws-cn": "cn.com.amazonaws", "aws-us-gov": "com.amazonaws"}
_DNS_SUFFIX = {"aws": "amazonaws.com", "aws-cn": "amazonaws.com.cn", "aws-us-gov": "amazonaws.com"}

Answer = dict[str, Any]


class InvokeError(LookupError):
    """A data source that the stand-in does not have, or that it cannot answer now."""


def _caller_identity(_arguments: Mapping[str, Any], aws: Aws) -> Answer:
    account = aws.target.account
    if aws.target.endpoint_url is not None:
        found = aws.call("sts", "GetCallerIdentity", {})
        return {
            "accountId": found["Account"],
            "arn": found["Arn"],
            "userId": found["UserId"],
            "id": found["Account"],
        }
    if account is not None:
        arn = f"arn:{partition_of(aws.region)}:iam::{account}:root"
        return {"accountId": account, "arn": arn, "userId": account, "id": account}
    # The engine passes a provider the configuration under its own name, and no other.
    message = (
        "which account this is only a running sandbox or AWS can tell. Start the sandbox, or name the one "
        "account that the stack belongs to: `pulumi config set --path 'aws:allowedAccountIds[0]' ACCOUNT`. "
        "A provider sees the configuration under `aws:` only, so `headway:accountId` is not known here."
    )
    raise EndpointError(message)


def _region_name(arguments: Mapping[str, Any], aws: Aws) -> str:
    named = arguments.get("region")
    if isinstance(named, str):
        return named
    if aws.target.region is not None:
        return aws.target.region
    if aws.target.endpoint_url is not None:
        return aws.region
    message = "no region is configured; set it with `pulumi config set aws:region REGION` or AWS_REGION"
    raise EndpointError(message)


def _region(arguments: Mapping[str, Any], aws: Aws) -> Answer:
    name = _region_name(arguments, aws)
    suffix = _DNS_SUFFIX.get(partition_of(name), "amazonaws.com")
    return {"region": name, "name": name, "id": name, "endpoint": f"ec2.{name}.{suffix}", "description": name}


def _partition(arguments: Mapping[str, Any], aws: Aws) -> Answer:
    name = partition_of(_region_name(arguments, aws))
    return {
        "partition": name,
        "id": name,
        "dnsSuffix": _DNS_SUFFIX.get(name, "amazonaws.com"),
        "reverseDnsPrefix": _REVERSE_PREFIX.get(name, "com.amazonaws"),
    }


def _policy_document(arguments: Mapping[str, Any], _aws: Aws) -> Answer:
    try:
        text = render(arguments)
    except ValueError as error:
        message = f"a source or override document is not JSON: {error}"
        raise InvokeError(message) from error
    minified = json.dumps(json.loads(text), separators=(",", ":"))
    return {**arguments, "json": text, "minifiedJson": minified, "id": str(zlib.crc32(text.encode()))}


def _item_key(text: str) -> dict[str, dict[str, str]]:
    try:
        key = json.loads(text)
    except ValueError:
        key = None
    if isinstance(key, dict) and all(map(_is_scalar, key.values())):
        return key
    message = f'key must be JSON of attribute names to {{"S": TEXT}} or {{"N": NUMBER}}, got {text!r}'
    raise InvokeError(message)


def _is_scalar(value: object) -> bool:
    return (
        isinstance(value, dict) and [*value] in (["S"], ["N"]) and isinstance(next(iter(value.values())), str)
    )


def _table_item(arguments: Mapping[str, Any], aws: Aws) -> Answer:
    table, key = arguments["tableName"], _item_key(arguments["key"])
    options = {member: arguments[name] for name, member in _ITEM_OPTIONS.items() if arguments.get(name)}
    request = {"TableName": table, "Key": key, "ConsistentRead": True, **options}
    # The provider's id: the table, then the values of the key.
    place = "|".join([table, *(text for value in key.values() for text in value.values())])
    try:
        item = aws.call("dynamodb", "GetItem", request).get("Item")
    except AwsError as error:
        message = f"reading DynamoDB Table Item ({place}): {error}"
        raise InvokeError(message) from error
    if item is None:
        message = f"reading DynamoDB Table Item ({place}): couldn't find resource"
        raise InvokeError(message)
    text = json.dumps(item, separators=(",", ":"), default=lambda raw: base64.b64encode(raw).decode())
    return {**arguments, "region": aws.region, "id": place, "item": text}


_ITEM_OPTIONS: Mapping[str, str] = {
    "expressionAttributeNames": "ExpressionAttributeNames",
    "projectionExpression": "ProjectionExpression",
}

_INVOKES: Mapping[str, Callable[[Mapping[str, Any], Aws], Answer]] = {
    "aws:index/getCallerIdentity:getCallerIdentity": _caller_identity,
    "aws:index/getRegion:getRegion": _region,
    "aws:index/getPartition:getPartition": _partition,
    "aws:iam/getPolicyDocument:getPolicyDocument": _policy_document,
    "aws:dynamodb/getTableItem:getTableItem": _table_item,
}


def invoke(token: str, arguments: Mapping[str, Any], aws: Aws) -> Answer:
    """Answers a data source.

    Args:
        token: token of the function, such as ``aws:index/getRegion:getRegion``.
        arguments: its arguments without secret markers.
        aws: the sandbox, when there is one.

    Raises:
        InvokeError: the stand-in has no such function.
        AwsError: a service refused.
        EndpointError: only a running sandbox could tell.
    """
    function = _INVOKES.get(token)
    if function is None:
        known = ", ".join(sorted(_INVOKES))
        message = f"the sandbox's stand-in for the AWS provider has no function {token}; it has {known}"
        raise InvokeError(message)
    return function(arguments, aws)
