"""Runs a Pulumi program without an engine and records every resource that it registers."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi.runtime import mocks

ACCOUNT = "000000000000"
REGION = "us-east-1"
KEY_ID = "11111111-2222-3333-4444-555555555555"


@dataclass(frozen=True)
class Registered:
    """One resource, as the engine would have seen it."""

    type: str
    name: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    parent: str
    protect: bool
    retain_on_delete: bool
    ignore_changes: tuple[str, ...]
    depends_on: tuple[str, ...]
    urn: str
    references: Mapping[str, frozenset[str]]

    def policies(self) -> list[dict[str, Any]]:
        """Every policy document among the inputs."""
        texts = [self.inputs.get(key) for key in ("policy", "assumeRolePolicy")]
        return [json.loads(text) for text in texts if isinstance(text, str)]


@dataclass
class Run:
    """What a program registered, and what it exported and said."""

    resources: list[Registered] = field(default_factory=list)
    exports: dict[str, Any] = field(default_factory=dict)

    def of_type(self, suffix: str) -> list[Registered]:
        """Resources whose type ends in a text, by name."""
        found = [item for item in self.resources if item.type.endswith(suffix)]
        return sorted(found, key=lambda item: item.name)

    def one(self, suffix: str, name: str | None = None) -> Registered:
        """The only resource of a type, or the one with a name."""
        (found,) = [item for item in self.of_type(suffix) if name is None or item.name == name]
        return found


_ARNS: Mapping[str, str] = {
    "aws:kms/key:Key": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{KEY_ID}",
    "aws:iam/role:Role": f"arn:aws:iam::{ACCOUNT}:role/{{name}}",
    "aws:s3/bucket:Bucket": "arn:aws:s3:::{name}",
    "aws:lambda/function:Function": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{{name}}",
    "aws:sfn/stateMachine:StateMachine": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{{name}}",
    "aws:dynamodb/table:Table": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{{name}}",
    "aws:cloudwatch/logGroup:LogGroup": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{{name}}",
    "aws:cloudwatch/metricAlarm:MetricAlarm": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{{name}}",
    "aws:cloudwatch/eventRule:EventRule": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{{name}}",
    "aws:ec2/subnet:Subnet": f"arn:aws:ec2:{REGION}:{ACCOUNT}:subnet/{{name}}",
    "aws:ec2/securityGroup:SecurityGroup": f"arn:aws:ec2:{REGION}:{ACCOUNT}:security-group/{{name}}",
    "aws:cloudtrail/trail:Trail": f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/{{name}}",
    "aws:ecr/repository:Repository": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{{name}}",
    "aws:sns/topic:Topic": f"arn:aws:sns:{REGION}:{ACCOUNT}:{{name}}",
    "aws:sagemaker/modelPackageGroup:ModelPackageGroup": (
        f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package-group/{{name}}"
    ),
    "aws:sagemaker/endpoint:Endpoint": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/{{name}}",
    "aws:sagemaker/pipeline:Pipeline": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:pipeline/{{name}}",
}


_ID_PREFIXES: Mapping[str, str] = {
    "aws:ec2/vpc:Vpc": "vpc",
    "aws:ec2/subnet:Subnet": "subnet",
    "aws:ec2/securityGroup:SecurityGroup": "sg",
    "aws:ec2/routeTable:RouteTable": "rtb",
    "aws:ec2/vpcEndpoint:VpcEndpoint": "vpce",
}


def _id(prefix: str | None, name: str) -> str:
    """An id as AWS makes it up where its form matters, else one that says whose it is."""
    if prefix is None:
        return f"{name}-id"
    return f"{prefix}-{hashlib.sha256(name.encode()).hexdigest()[:17]}"


_APPCONFIG: Mapping[str, Mapping[str, Any]] = {
    "aws:appconfig/environment:Environment": {"environmentId": "e1b2c3d"},
    "aws:appconfig/configurationProfile:ConfigurationProfile": {"configurationProfileId": "p1b2c3d"},
    "aws:appconfig/hostedConfigurationVersion:HostedConfigurationVersion": {"versionNumber": 1},
}
"""What AppConfig gives its own things; all of its ids are seven characters."""


class _Aws(mocks.Mocks):
    """Computes what AWS would: names and ARNs."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        state = dict(args.inputs)
        name = state.setdefault("bucket" if args.typ == "aws:s3/bucket:Bucket" else "name", args.name)
        if args.typ in _ARNS:
            state["arn"] = _ARNS[args.typ].format(name=name)
        if args.typ == "aws:kms/key:Key":
            state["keyId"] = KEY_ID
        if args.typ == "aws:ec2/vpcEndpoint:VpcEndpoint":
            state["prefixListId"] = _id("pl", args.name)
        state.update(_APPCONFIG.get(args.typ, {}))
        if args.typ.startswith("aws:appconfig/"):
            return "a1b2c3d", state
        return _id(_ID_PREFIXES.get(args.typ), args.name), state

    def __init__(self, release: Mapping[str, str] | None) -> None:
        super().__init__()
        self._release = release

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        if args.token == "aws:dynamodb/getTableItem:getTableItem":
            if self._release is None:
                return {}, [("key", "reading DynamoDB Table Item: couldn't find resource")]
            item = {name: {"S": value} for name, value in self._release.items()}
            return {**args.args, "id": args.args["tableName"], "item": json.dumps(item)}, []
        raise AssertionError(
            f"the program asks AWS for {args.token}, which a preview without AWS cannot answer"
        )


_SPECIAL = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"
"""How the engine's protocol marks a value as a secret."""


class _Recorder(mocks.MockMonitor):
    def __init__(self, run: Run, aws: _Aws) -> None:
        super().__init__(aws)
        self._run = run

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the protocol's name
        response = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        if request.type != "pulumi:pulumi:Stack":
            inputs = pulumi.runtime.rpc.deserialize_properties(request.object)
            self._run.resources.append(
                Registered(
                    type=request.type,
                    name=request.name,
                    inputs=_plain(inputs),
                    outputs=_plain(pulumi.runtime.rpc.deserialize_properties(response.object)),
                    parent=request.parent.rpartition("::")[2],
                    protect=request.protect,
                    retain_on_delete=request.retainOnDelete,
                    ignore_changes=tuple(request.ignoreChanges),
                    depends_on=tuple(urn.rpartition("::")[2] for urn in request.dependencies),
                    urn=response.urn,
                    references={
                        name: frozenset(found.urns) for name, found in request.propertyDependencies.items()
                    },
                )
            )
        return response


def _plain(value: Any) -> Any:
    """JSON values: an archive as its files, a whole number as an integer."""
    if isinstance(value, pulumi.AssetArchive):
        return {name: _plain(asset) for name, asset in sorted(value.assets.items())}
    if isinstance(value, pulumi.StringAsset):
        return value.text
    if isinstance(value, Mapping) and value.get(_SPECIAL) == _SECRET:
        return _plain(value["value"])
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def run_program(
    program: Callable[[], object],
    *,
    stack: str = "local",
    config: Mapping[str, str] | None = None,
    release: Mapping[str, str] | None = None,
) -> Run:
    """Runs a program against recorded mocks, apart from every other run.

    Args:
        program: Registers resources.
        stack: Name of the stack.
        config: The stack's configuration.
        release: What the record of the newest release says; None where there is none.
    """
    run, aws = Run(), _Aws(release)

    def whole() -> None:
        program()

    # Root stack and outstanding work are global, so every run starts from nothing, on a loop of its own.
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        pulumi.runtime.settings.reset_options()
        mocks.set_mocks(aws, project="headway", stack=stack, preview=False, monitor=_Recorder(run, aws))
        pulumi.runtime.set_all_config(dict(config or {}))
        pulumi.runtime.test(whole)()  # type: ignore[no-untyped-call]
        stack_resource = pulumi.runtime.get_root_resource()
        outputs: dict[str, Any] = getattr(stack_resource, "outputs", {})
        run.exports.update({name: _resolve(loop, value) for name, value in outputs.items()})
    finally:
        pulumi.runtime.settings.reset_options()
        loop.close()
        asyncio.set_event_loop(None)
    return run


def _resolve(loop: asyncio.AbstractEventLoop, value: Any) -> Any:
    return _plain(loop.run_until_complete(pulumi.Output.from_input(value).future()))


def graph(run: Run) -> list[dict[str, Any]]:
    """The resources as sorted JSON values, for a golden file."""
    items = [
        {
            "type": item.type,
            "name": item.name,
            "parent": item.parent,
            "options": {
                name: value
                for name, value in {
                    "protect": item.protect,
                    "retain_on_delete": item.retain_on_delete,
                    "ignore_changes": list(item.ignore_changes),
                }.items()
                if value
            },
            "inputs": item.inputs,
        }
        for item in run.resources
    ]
    return sorted(items, key=lambda item: (item["type"], item["name"]))
