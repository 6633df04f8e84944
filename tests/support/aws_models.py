"""Checks resource inputs against AWS's own models: CloudFormation's schemas and botocore's service models."""

import importlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import botocore.session
import jsonschema
from botocore.validate import ParamValidator

REGION = "us-east-1"
regex: Any = importlib.import_module("regex")  # untyped


@dataclass(frozen=True)
class Cfn:
    """The CloudFormation type of a resource type, and what is called differently there."""

    type: str
    renames: Mapping[str, str] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()
    """Inputs that only the provider knows."""
    shape: Callable[[dict[str, Any]], dict[str, Any]] = lambda inputs: inputs


@dataclass(frozen=True)
class Api:
    """The API operation that a resource type stands for, and where its inputs go in the request."""

    service: str
    operation: str
    renames: Mapping[str, str] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()
    shape: Callable[[dict[str, Any]], dict[str, Any]] = lambda inputs: inputs


def problems(type_: str, inputs: dict[str, Any]) -> list[str]:
    """Everything that AWS's model says against the inputs of a resource.

    Raises:
        KeyError: The type has no row in the table below.
    """
    model = MODELS[type_]
    given = model.shape({key: value for key, value in inputs.items() if key not in model.left_out})
    if isinstance(model, Cfn):
        return list(_cfn_problems(model, given))
    return list(api_problems(model.service, model.operation, given, model.renames))


def api_problems(
    service: str, operation: str, request: dict[str, Any], renames: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Everything that botocore's model says against a request, names matched without case and plural."""
    shape = _service(service).operation_model(operation).input_shape
    unknown: list[str] = []
    translated = _to_shape(shape, request, renames or {}, "", unknown)
    yield from (f"{operation} knows no {name}" for name in unknown)
    report = ParamValidator().validate(translated, shape)
    if report.has_errors():
        yield report.generate_report()


@cache
def _service(name: str) -> Any:
    return botocore.session.Session().get_service_model(name)


@cache
def _schema(type_: str) -> dict[str, Any]:
    from cfnlint.schema import PROVIDER_SCHEMA_MANAGER  # noqa: PLC0415 - costs most of a second

    schema: dict[str, Any] = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, type_).schema
    return schema


def _cfn_problems(model: Cfn, inputs: dict[str, Any]) -> Iterator[str]:
    schema = _schema(model.type)
    unknown: list[str] = []
    properties = _to_schema(schema, schema, inputs, model.renames, "", unknown)
    yield from (f"{model.type} knows no {name}" for name in unknown)
    read_only = {path.rpartition("/")[2] for path in schema.get("readOnlyProperties", ())}
    yield from (f"{model.type}.{name} is read-only" for name in sorted(read_only & set(properties)))
    for error in _Validator(schema).iter_errors(properties):
        place = ".".join(str(part) for part in error.absolute_path)
        yield f"{model.type} {place}: {error.message[:300]}"


def _pattern(_: Any, pattern: str, value: Any, __: Any) -> Iterator[jsonschema.ValidationError]:
    # The schemas' patterns are ECMA 262, where \\p{L} is a letter.
    if isinstance(value, str) and regex.search(pattern, value) is None:
        yield jsonschema.ValidationError(f"{value!r} does not match {pattern!r}")


_Validator = jsonschema.validators.extend(jsonschema.Draft7Validator, {"pattern": _pattern})


def _normal(name: str) -> str:
    return name.replace("_", "").lower()


def _match(name: str, known: Mapping[str, Any]) -> str | None:
    normal = {_normal(key): key for key in known}
    wanted = _normal(name)
    for candidate in (wanted, wanted.removesuffix("s"), f"{wanted}s", wanted.removesuffix("ies") + "y"):
        if candidate in normal:
            return normal[candidate]
    return None


def _resolved(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        node = schema["definitions"][node["$ref"].rpartition("/")[2]]
    return node


def _to_schema(
    schema: dict[str, Any],
    node: dict[str, Any],
    value: Any,
    renames: Mapping[str, str],
    place: str,
    unknown: list[str],
) -> Any:
    node = _resolved(schema, node)
    if isinstance(value, list):
        items = node.get("items", {})
        return [_to_schema(schema, items, item, renames, place, unknown) for item in value]
    known = node.get("properties")
    if not isinstance(value, dict) or not known:
        return value
    translated = {}
    for name, item in value.items():
        here = f"{place}.{name}".lstrip(".")
        target = renames.get(here, _match(name, known))
        if target not in known:
            unknown.append(here)
            continue
        item_node = _resolved(schema, known[target])
        if name == "tags" and isinstance(item, dict) and item_node.get("type") == "array":
            translated[target] = [{"Key": key, "Value": text} for key, text in item.items()]
        else:
            # A list of at most one block is one object in Pulumi.
            wrapped = [item] if item_node.get("type") == "array" and isinstance(item, dict) else item
            translated[target] = _to_schema(schema, item_node, wrapped, renames, here, unknown)
    return translated


def _to_shape(shape: Any, value: Any, renames: Mapping[str, str], place: str, unknown: list[str]) -> Any:
    if shape.type_name == "list" and isinstance(value, list):
        return [_to_shape(shape.member, item, renames, place, unknown) for item in value]
    if shape.type_name != "structure" or not isinstance(value, dict):
        return value
    translated = {}
    for name, item in value.items():
        here = f"{place}.{name}".lstrip(".")
        target = renames.get(here, _match(name, shape.members))
        if target not in shape.members:
            unknown.append(here)
            continue
        translated[target] = _to_shape(shape.members[target], item, renames, here, unknown)
    return translated


def _json(*names: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Inputs in which some texts are the JSON that CloudFormation takes as objects."""
    return lambda inputs: inputs | {name: json.loads(inputs[name]) for name in names if name in inputs}


def _below(name: str, *top: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Inputs of which all but some belong one level deeper."""
    return lambda inputs: {
        **{key: value for key, value in inputs.items() if key in top},
        name: {key: value for key, value in inputs.items() if key not in top},
    }


def _lambda(inputs: dict[str, Any]) -> dict[str, Any]:
    return inputs | {"code": {"ZipFile": "".join(inputs["code"])}}


def _table(inputs: dict[str, Any]) -> dict[str, Any]:
    def schema(keys: dict[str, Any]) -> list[dict[str, Any]]:
        kinds = {"hashKey": "HASH", "rangeKey": "RANGE"}
        return [{"AttributeName": keys[key], "KeyType": kind} for key, kind in kinds.items() if key in keys]

    encryption = inputs["serverSideEncryption"]
    return {
        **{key: inputs[key] for key in ("billingMode", "deletionProtectionEnabled", "tags") if key in inputs},
        "KeySchema": schema(inputs),
        "AttributeDefinitions": [
            {"AttributeName": item["name"], "AttributeType": item["type"]} for item in inputs["attributes"]
        ],
        "SSESpecification": {
            "SSEEnabled": encryption["enabled"],
            "SSEType": "KMS",
            "KMSMasterKeyId": encryption["kmsKeyArn"],
        },
        "PointInTimeRecoverySpecification": {
            "PointInTimeRecoveryEnabled": inputs["pointInTimeRecovery"]["enabled"]
        },
    }


def _state_machine(inputs: dict[str, Any]) -> dict[str, Any]:
    logging = inputs["loggingConfiguration"]
    destination = {"CloudWatchLogsLogGroup": {"LogGroupArn": logging["logDestination"]}}
    return {
        **{key: inputs[key] for key in ("roleArn", "tags") if key in inputs},
        "DefinitionString": inputs["definition"],
        "LoggingConfiguration": {
            "Level": logging["level"],
            "IncludeExecutionData": logging["includeExecutionData"],
            "Destinations": [destination],
        },
    }


def _pipeline(inputs: dict[str, Any]) -> dict[str, Any]:
    return inputs | {"pipelineDefinition": {"PipelineDefinitionBody": inputs["pipelineDefinition"]}}


def _object(inputs: dict[str, Any]) -> dict[str, Any]:
    body = inputs.get("content", inputs.get("contentBase64", ""))
    rest = {key: value for key, value in inputs.items() if key not in ("content", "contentBase64", "tags")}
    return rest | {"body": body.encode()}


def _target(inputs: dict[str, Any]) -> dict[str, Any]:
    names = {"arn": "Arn", "roleArn": "RoleArn", "input": "Input"}
    target = {member: inputs[name] for name, member in names.items() if name in inputs}
    return {"Rule": inputs["rule"], "Targets": [{"Id": "target", **target}]}


def _topic_policy(inputs: dict[str, Any]) -> dict[str, Any]:
    return {"Topics": [inputs["arn"]], "PolicyDocument": json.loads(inputs["policy"])}


def _group(inputs: dict[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in inputs.items() if key not in ("ingress", "egress")}
    return {
        "description": "the default group",
        **rest,
        "securityGroupIngress": [rule for given in inputs["ingress"] for rule in _group_rules(given)],
        "securityGroupEgress": [rule for given in inputs["egress"] for rule in _group_rules(given)],
    }


_PEERS = {
    "cidrBlocks": "CidrIp",
    "prefixListIds": "DestinationPrefixListId",
    "securityGroups": "SourceSecurityGroupId",
}


def _group_rules(rule: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """CloudFormation has one peer in each rule."""
    common = {"ipProtocol": rule["protocol"], "fromPort": rule["fromPort"], "toPort": rule["toPort"]}
    for peers, name in _PEERS.items():
        for peer in rule.get(peers, ()):
            yield {**common, "description": rule["description"], name: peer}


def _budget(inputs: dict[str, Any]) -> dict[str, Any]:
    filters = {item["name"]: item["values"] for item in inputs["costFilters"]}
    return {
        "Budget": {
            "BudgetName": inputs["name"],
            "BudgetType": inputs["budgetType"],
            "TimeUnit": inputs["timeUnit"],
            "BudgetLimit": {"Amount": float(inputs["limitAmount"]), "Unit": inputs["limitUnit"]},
            "CostFilters": filters,
        },
        "NotificationsWithSubscribers": [
            {
                "Notification": {
                    "NotificationType": item["notificationType"],
                    "ComparisonOperator": item["comparisonOperator"],
                    "Threshold": item["threshold"],
                    "ThresholdType": item["thresholdType"],
                },
                "Subscribers": [
                    {"SubscriptionType": "SNS", "Address": arn} for arn in item["subscriberSnsTopicArns"]
                ],
            }
            for item in inputs["notifications"]
        ],
    }


def _object_lock(inputs: dict[str, Any]) -> dict[str, Any]:
    rule = {"DefaultRetention": inputs["rule"]["defaultRetention"]}
    lock = {"objectLockEnabled": "Enabled", "rule": rule}
    return {"bucket": inputs["bucket"], "objectLockConfiguration": lock}


def _flow_log(inputs: dict[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in inputs.items() if key != "vpcId"}
    return {**rest, "resourceId": inputs["vpcId"], "resourceType": "VPC"}


MODELS: Mapping[str, Cfn | Api] = {
    "aws:ec2/vpc:Vpc": Cfn("AWS::EC2::VPC"),
    "aws:ec2/subnet:Subnet": Cfn("AWS::EC2::Subnet"),
    "aws:ec2/routeTable:RouteTable": Cfn("AWS::EC2::RouteTable", left_out=frozenset({"routes"})),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Cfn("AWS::EC2::SubnetRouteTableAssociation"),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": Cfn(
        "AWS::EC2::SecurityGroup", {"description": "GroupDescription"}, shape=_group
    ),
    "aws:ec2/securityGroup:SecurityGroup": Cfn(
        "AWS::EC2::SecurityGroup", {"description": "GroupDescription"}, shape=_group
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": Cfn(
        "AWS::EC2::VPCEndpoint", {"policy": "PolicyDocument"}, shape=_json("policy")
    ),
    "aws:ec2/flowLog:FlowLog": Cfn(
        "AWS::EC2::FlowLog", {"iamRoleArn": "DeliverLogsPermissionArn"}, shape=_flow_log
    ),
    "aws:cloudtrail/trail:Trail": Cfn(
        "AWS::CloudTrail::Trail", {"name": "TrailName", "enableLogging": "IsLogging"}
    ),
    "aws:appautoscaling/target:Target": Cfn("AWS::ApplicationAutoScaling::ScalableTarget"),
    "aws:appautoscaling/policy:Policy": Cfn(
        "AWS::ApplicationAutoScaling::ScalingPolicy", {"name": "PolicyName"}
    ),
    "aws:appconfig/application:Application": Cfn("AWS::AppConfig::Application"),
    "aws:appconfig/environment:Environment": Cfn("AWS::AppConfig::Environment"),
    "aws:appconfig/configurationProfile:ConfigurationProfile": Cfn("AWS::AppConfig::ConfigurationProfile"),
    "aws:appconfig/hostedConfigurationVersion:HostedConfigurationVersion": Cfn(
        "AWS::AppConfig::HostedConfigurationVersion"
    ),
    "aws:appconfig/deploymentStrategy:DeploymentStrategy": Cfn("AWS::AppConfig::DeploymentStrategy"),
    "aws:appconfig/deployment:Deployment": Cfn("AWS::AppConfig::Deployment"),
    "aws:budgets/budget:Budget": Cfn("AWS::Budgets::Budget", shape=_budget),
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": Api(
        "s3", "PutObjectLockConfiguration", shape=_object_lock
    ),
    "aws:kms/key:Key": Cfn(
        "AWS::KMS::Key",
        {"policy": "KeyPolicy", "deletionWindowInDays": "PendingWindowInDays"},
        shape=_json("policy"),
    ),
    "aws:kms/alias:Alias": Cfn("AWS::KMS::Alias", {"name": "AliasName"}),
    "aws:s3/bucket:Bucket": Cfn("AWS::S3::Bucket", left_out=frozenset({"forceDestroy"})),
    "aws:s3/bucketPolicy:BucketPolicy": Cfn(
        "AWS::S3::BucketPolicy", {"policy": "PolicyDocument"}, shape=_json("policy")
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": Api(
        "s3", "PutBucketEncryption", shape=_below("serverSideEncryptionConfiguration", "bucket")
    ),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": Api(
        "s3", "PutPublicAccessBlock", shape=_below("publicAccessBlockConfiguration", "bucket")
    ),
    "aws:s3/bucketVersioning:BucketVersioning": Api("s3", "PutBucketVersioning"),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": Api(
        "s3",
        "PutBucketOwnershipControls",
        shape=lambda inputs: {
            "bucket": inputs["bucket"],
            "ownershipControls": {"rules": [inputs["rule"]]},
        },
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": Api(
        "s3", "PutBucketLifecycleConfiguration", shape=_below("lifecycleConfiguration", "bucket")
    ),
    "aws:s3/bucketObjectv2:BucketObjectv2": Api(
        "s3", "PutObject", {"kmsKeyId": "SSEKMSKeyId"}, shape=_object
    ),
    "aws:s3/bucketNotification:BucketNotification": Api(
        "s3",
        "PutBucketNotificationConfiguration",
        shape=lambda inputs: {
            "bucket": inputs["bucket"],
            "notificationConfiguration": {"eventBridgeConfiguration": {}} if inputs["eventbridge"] else {},
        },
    ),
    "aws:iam/role:Role": Cfn(
        "AWS::IAM::Role",
        {"assumeRolePolicy": "AssumeRolePolicyDocument"},
        shape=_json("assumeRolePolicy"),
    ),
    "aws:iam/rolePolicy:RolePolicy": Cfn(
        "AWS::IAM::RolePolicy",
        {"policy": "PolicyDocument", "role": "RoleName"},
        shape=lambda inputs: {"policyName": "policy", **_json("policy")(inputs)},
    ),
    "aws:cloudwatch/logGroup:LogGroup": Cfn("AWS::Logs::LogGroup", {"name": "LogGroupName"}),
    "aws:cloudwatch/metricAlarm:MetricAlarm": Cfn(
        "AWS::CloudWatch::Alarm",
        {"evaluateLowSampleCountPercentiles": "EvaluateLowSampleCountPercentile"},
        shape=lambda inputs: {
            **inputs,
            "dimensions": [{"Name": key, "Value": value} for key, value in inputs["dimensions"].items()],
        },
    ),
    "aws:cloudwatch/dashboard:Dashboard": Cfn("AWS::CloudWatch::Dashboard"),
    "aws:cloudwatch/eventRule:EventRule": Cfn("AWS::Events::Rule", shape=_json("eventPattern")),
    "aws:cloudwatch/eventTarget:EventTarget": Api("events", "PutTargets", shape=_target),
    "aws:dynamodb/table:Table": Cfn("AWS::DynamoDB::Table", shape=_table),
    "aws:lambda/function:Function": Cfn("AWS::Lambda::Function", shape=_lambda),
    "aws:lambda/permission:Permission": Cfn("AWS::Lambda::Permission", {"function": "FunctionName"}),
    "aws:lambda/invocation:Invocation": Api(
        "lambda",
        "Invoke",
        {"input": "Payload"},
        left_out=frozenset({"lifecycleScope", "terraformKey", "qualifier"}),
    ),
    "aws:sfn/stateMachine:StateMachine": Cfn("AWS::StepFunctions::StateMachine", shape=_state_machine),
    "aws:sns/topic:Topic": Cfn("AWS::SNS::Topic"),
    "aws:sns/topicPolicy:TopicPolicy": Cfn("AWS::SNS::TopicPolicy", shape=_topic_policy),
    "aws:ssm/parameter:Parameter": Cfn(
        # CloudFormation takes these tags as a mapping.
        "AWS::SSM::Parameter",
        {"insecureValue": "Value"},
        left_out=frozenset({"tags"}),
    ),
    "aws:sagemaker/model:Model": Cfn("AWS::SageMaker::Model", {"name": "ModelName"}),
    "aws:sagemaker/endpointConfiguration:EndpointConfiguration": Cfn(
        "AWS::SageMaker::EndpointConfig", {"name": "EndpointConfigName", "kmsKeyArn": "KmsKeyId"}
    ),
    "aws:sagemaker/endpoint:Endpoint": Cfn("AWS::SageMaker::Endpoint", {"name": "EndpointName"}),
    "aws:sagemaker/featureGroup:FeatureGroup": Cfn("AWS::SageMaker::FeatureGroup"),
    "aws:sagemaker/modelPackageGroup:ModelPackageGroup": Cfn("AWS::SageMaker::ModelPackageGroup"),
    "aws:scheduler/schedule:Schedule": Cfn(
        "AWS::Scheduler::Schedule",
        {"target.sagemakerPipelineParameters.pipelineParameters": "PipelineParameterList"},
    ),
    "aws:sagemaker/pipeline:Pipeline": Cfn("AWS::SageMaker::Pipeline", shape=_pipeline),
}
"""Every resource type that components make; a new type needs a row."""
