"""Lambda: functions, who may call them, and calls that belong to a stack's life."""

from __future__ import annotations

import hashlib
import json

from headway_sandbox.provider.assets import body
from headway_sandbox.provider.aws import AwsError
from headway_sandbox.provider.table import (
    Autoname,
    Call,
    Handler,
    Read,
    ResourceType,
    Session,
    Step,
    Tagging,
    Wait,
)
from headway_sandbox.provider.values import Properties, Value

_ABSENT = frozenset({"ResourceNotFoundException"})
_CODE = ("code", "s3Bucket", "s3Key", "s3ObjectVersion", "imageUri", "sourceKmsKeyArn")
_NO_LIMIT = -1


def _zipped(inputs: Properties) -> Properties:
    """The archive of a new function, zipped."""
    code = inputs.get("code")
    if code is None:
        return inputs
    return {
        **{name: value for name, value in inputs.items() if name != "code"},
        "Code": {"ZipFile": body(code)},
    }


def _zipped_update(inputs: Properties) -> Properties:
    """The archive of an existing function, zipped; here it is a member of its own."""
    code = inputs.get("code")
    if code is None:
        return inputs
    return {**{name: value for name, value in inputs.items() if name != "code"}, "ZipFile": body(code)}


def _cleared(inputs: Properties) -> Properties:
    """Blocks that the program drops are cleared by sending them empty; leaving them out would keep them."""
    empty: Properties = {
        "environment": {"variables": {}},
        "layers": [],
        "description": "",
        "vpcConfig": {"subnetIds": [], "securityGroupIds": []},
    }
    return {**empty, **{name: value for name, value in inputs.items() if value is not None}}


def _function(answer: Properties) -> Properties:
    """A function's answer in the form of its inputs."""
    arn, version = answer.get("FunctionArn", ""), answer.get("Version")
    layers = [layer["Arn"] for layer in answer.get("Layers") or []]
    image = (answer.get("ImageConfigResponse") or {}).get("ImageConfig")
    vpc = answer.get("VpcConfig") or {}
    return {
        **{
            name: value
            for name, value in answer.items()
            if name not in {"Layers", "ImageConfigResponse", "VpcConfig"}
        },
        "qualifiedArn": f"{arn}:{version}",
        "sourceCodeHash": answer.get("CodeSha256"),
        "codeSha256": answer.get("CodeSha256"),
        "layers": layers or None,
        "ImageConfig": image,
        "VpcConfig": vpc if vpc.get("SubnetIds") else None,
    }


def _concurrency(answer: Properties) -> Properties:
    """An answer without a number means that the function shares the account's concurrency."""
    return {"reservedConcurrentExecutions": answer.get("ReservedConcurrentExecutions", _NO_LIMIT)}


def _is_unlimited(value: Value) -> bool:
    return value is None or value == _NO_LIMIT


def _is_limited(value: Value) -> bool:
    return not _is_unlimited(value)


_ACTIVE = Wait(
    "State",
    pending=frozenset({"Pending"}),
    target=frozenset({"Active", "Inactive"}),
    reason="StateReason",
)
_UPDATED = Wait(
    "LastUpdateStatus",
    pending=frozenset({"InProgress"}),
    target=frozenset({"Successful"}),
    reason="LastUpdateStatusReason",
)
_CONFIGURATION = (
    "role",
    "handler",
    "description",
    "timeout",
    "memorySize",
    "vpcConfig",
    "environment",
    "runtime",
    "deadLetterConfig",
    "kmsKeyArn",
    "tracingConfig",
    "layers",
    "fileSystemConfig",
    "imageConfig",
    "ephemeralStorage",
    "snapStart",
    "loggingConfig",
)
_PATH = "arn:{partition}:apigateway:{region}:lambda:path"

FUNCTION = ResourceType(
    pulumi_type="aws:lambda/function:Function",
    service="lambda",
    id=("name",),
    identity={"FunctionName": "name"},
    create=Call("CreateFunction", fold=_zipped),
    reads=(
        Read(
            "GetFunction",
            decode=lambda answer: {**answer, "Configuration": _function(answer["Configuration"])},
            at="Configuration",
            absent=_ABSENT,
        ),
        Read("GetFunctionConcurrency", absent=_ABSENT, unfold=_concurrency),
    ),
    steps=(
        Step(
            ("codeSigningConfigArn",),
            Call("PutFunctionCodeSigningConfig"),
            Call("DeleteFunctionCodeSigningConfig"),
            on_create=False,
        ),
        Step(
            _CONFIGURATION, Call("UpdateFunctionConfiguration", fold=_cleared), on_create=False, settle=True
        ),
        Step(
            (*_CODE, "architectures", "sourceCodeHash", "publish", "publishTo"),
            Call("UpdateFunctionCode", fold=_zipped_update),
            on_create=False,
            settle=True,
        ),
        Step(("reservedConcurrentExecutions",), Call("PutFunctionConcurrency"), when=_is_limited),
        Step(
            ("reservedConcurrentExecutions",),
            Call("DeleteFunctionConcurrency"),
            when=_is_unlimited,
            initial=_NO_LIMIT,
        ),
    ),
    delete=(Call("DeleteFunction"),),
    renames={
        "name": "FunctionName",
        "arn": "FunctionArn",
        "sourceCodeSize": "CodeSize",
        "s3Bucket": "Code.S3Bucket",
        "s3Key": "Code.S3Key",
        "s3ObjectVersion": "Code.S3ObjectVersion",
        "imageUri": "Code.ImageUri",
        "sourceKmsKeyArn": "Code.SourceKMSKeyArn",
        "fileSystemConfig": "FileSystemConfigs",
    },
    tagging=Tagging("TagResource", "UntagResource", identity={"Resource": "arn"}, read="ListTags"),
    force_new=frozenset({"name", "packageType", "tenancyConfig"}),
    defaults={
        "memorySize": 128,
        "packageType": "Zip",
        "publish": False,
        "reservedConcurrentExecutions": _NO_LIMIT,
        "skipDestroy": False,
        "timeout": 3,
    },
    computed=frozenset(
        {
            "architectures",
            "codeSha256",
            "ephemeralStorage",
            "loggingConfig",
            "snapStart",
            "sourceCodeHash",
            "tracingConfig",
            "vpcConfig.vpcId",
        }
    ),
    sets=frozenset({"vpcConfig.subnetIds", "vpcConfig.securityGroupIds"}),
    local=frozenset(
        {
            "replaceSecurityGroupsOnDestroy",
            "replacementSecurityGroupIds",
            "skipDestroy",
            "sourceCodeHash",
            "useResourceTimeoutForPropagation",
        }
    ),
    write_only=frozenset(
        {"code", "s3Bucket", "s3Key", "s3ObjectVersion", "imageUri", "publish", "publishTo"}
    ),
    fingerprints={"codeSha256": _CODE},
    derived={
        "invokeArn": f"{_PATH}/2015-03-31/functions/{{arn}}/invocations",
        "qualifiedInvokeArn": f"{_PATH}/2015-03-31/functions/{{qualifiedArn}}/invocations",
        "responseStreamingInvokeArn": f"{_PATH}/2021-11-15/functions/{{arn}}/response-streaming-invocations",
    },
    volatile=frozenset(
        {"codeSha256", "lastModified", "qualifiedArn", "qualifiedInvokeArn", "sourceCodeSize", "version"}
    ),
    waits=(_ACTIVE, _UPDATED),
    keep=lambda state: state.get("skipDestroy") is True,
    autoname=Autoname(max_length=64),
    exclusive=(("code", "s3Bucket", "imageUri"),),
    one_of=(("code", "s3Bucket", "imageUri"),),
    folded=frozenset({"code"}),
    unsupported=frozenset({"capacityProviderConfig", "codeSha256", "durableConfig"}),
)


def _statements(answer: Properties) -> Properties:
    policy: Properties = json.loads(answer.get("Policy", "{}"))
    statements = policy.get("Statement", [])
    return {"Statements": statements if isinstance(statements, list) else [statements]}


def _statement(statement: Properties) -> Properties:
    """A statement of a function's policy in the form of the permission that made it."""
    principal = statement.get("Principal", {})
    if isinstance(principal, dict):
        principal = principal.get("Service", principal.get("AWS"))
    conditions = {
        key.lower(): value
        for block in statement.get("Condition", {}).values()
        for key, value in block.items()
    }
    return {
        "statementId": statement["Sid"],
        "action": statement["Action"],
        "principal": principal,
        "sourceArn": conditions.get("aws:sourcearn"),
        "sourceAccount": conditions.get("aws:sourceaccount"),
        "principalOrgId": conditions.get("aws:principalorgid"),
        "functionUrlAuthType": conditions.get("lambda:functionurlauthtype"),
    }


def _permission_of(resource_id: str) -> Properties:
    """An import names the function, too."""
    function, separator, statement = resource_id.rpartition("/")
    return {"statementId": statement, **({"function": function} if separator else {})}


PERMISSION = ResourceType(
    pulumi_type="aws:lambda/permission:Permission",
    service="lambda",
    id=("statementId",),
    identity={"FunctionName": "function", "Qualifier": "qualifier", "StatementId": "statementId"},
    create=Call("AddPermission"),
    reads=(
        Read(
            "GetPolicy",
            decode=_statements,
            at="Statements",
            where={"Sid": "statementId"},
            identity={"FunctionName": "function", "Qualifier": "qualifier"},
            absent=_ABSENT,
            unfold=_statement,
        ),
    ),
    delete=(Call("RemovePermission"),),
    renames={"function": "FunctionName"},
    immutable=True,
    local=frozenset({"statementIdPrefix"}),
    autoname=Autoname("statementId", max_length=100),
    exclusive=(("statementId", "statementIdPrefix"),),
    parse_id=_permission_of,
)

_CRUD = "CRUD"


class _Invocation(Handler):
    """A call of a function as a resource: once, or for creation, change and deletion."""

    def create(self, session: Session, inputs: Properties) -> Properties:
        return self._invoke(session, inputs, "create", None)

    def read(self, session: Session, state: Properties) -> Properties | None:
        # What a call did cannot be asked for again. With its function gone it has no deletion left to call,
        # and is gone too; the official provider keeps it, and then fails to delete it.
        if "functionName" not in state:
            message = "an import of an invocation names it as FUNCTION,QUALIFIER,DIGEST_OF_THE_INPUT"
            raise AwsError("GetFunction", "", message)
        try:
            session.call("lambda", "GetFunction", {"FunctionName": state["functionName"]})
        except AwsError as error:
            if error.code in _ABSENT:
                return None
            raise
        return state

    def update(self, session: Session, state: Properties, inputs: Properties) -> Properties:
        if inputs.get("lifecycleScope") != _CRUD or inputs["input"] == state.get("input"):
            return {}
        return self._invoke(session, inputs, "update", json.loads(state["input"]))

    def delete(self, session: Session, state: Properties) -> None:
        if state.get("lifecycleScope") == _CRUD:
            self._invoke(session, state, "delete", json.loads(state["input"]))

    @staticmethod
    def _invoke(session: Session, inputs: Properties, action: str, previous: Value) -> Properties:
        payload = json.loads(inputs["input"])
        if inputs.get("lifecycleScope") == _CRUD:
            payload = {**payload, inputs["terraformKey"]: {"action": action, "prev_input": previous}}
        request = {
            "FunctionName": inputs["functionName"],
            "Qualifier": inputs["qualifier"],
            "Payload": json.dumps(payload).encode(),
        }
        if inputs.get("tenantId") is not None:
            request["TenantId"] = inputs["tenantId"]
        answer = session.call("lambda", "Invoke", request)
        result = answer["Payload"].decode()
        if answer.get("FunctionError"):
            raise AwsError("Invoke", answer["FunctionError"], f"{inputs['functionName']} answered {result}")
        digest = hashlib.md5(inputs["input"].encode(), usedforsecurity=False).hexdigest()
        return {"result": result, "payloadDigest": digest}


_INVOCATION_ID = ("functionName", "qualifier", "payloadDigest")


def _invocation_id(properties: Properties) -> str:
    return "_".join(properties[name] for name in _INVOCATION_ID)


def _invocation_of(resource_id: str) -> Properties:
    """An import names function, qualifier and digest; the id itself cannot be taken apart again."""
    parts = resource_id.split(",")
    return dict(zip(_INVOCATION_ID, parts, strict=True)) if len(parts) == len(_INVOCATION_ID) else {}


INVOCATION = ResourceType(
    pulumi_type="aws:lambda/invocation:Invocation",
    service="lambda",
    id=_INVOCATION_ID,
    handler=_Invocation(),
    force_new=frozenset({"functionName", "qualifier", "tenantId", "triggers"}),
    replace_when={"input": lambda _olds, news: news.get("lifecycleScope") != _CRUD},
    defaults={"lifecycleScope": "CREATE_ONLY", "qualifier": "$LATEST", "terraformKey": "tf"},
    json=frozenset({"input"}),
    volatile=frozenset({"result"}),
    make_id=_invocation_id,
    parse_id=_invocation_of,
)

TYPES = (FUNCTION, PERMISSION, INVOCATION)
