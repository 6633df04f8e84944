"""The provider stand-in through the real CLI where things are not as a program expects them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from headway_runtime import contract
from headway_sandbox.engine import Engine
from support.provider_stack import Stack, client, sandboxed

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "sagemaker.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)

READ = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["*"]}],
    }
)

QUEUE = {"VisibilityTimeout": "7", "MaximumMessageSize": "262144"}


@pytest.fixture(scope="module")
def environment(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with sandboxed(engine, tmp_path_factory.mktemp("provider")) as variables:
        yield variables


IMPORTS = f"""
import pulumi, pulumi_aws as aws
def taken(id): return pulumi.ResourceOptions(import_=id)
aws.s3.Bucket("b", bucket="found", tags={{"a": "1"}}, opts=taken("found"))
aws.s3.BucketVersioning("v", bucket="found", versioning_configuration={{"status": "Enabled"}},
    opts=taken("found"))
aws.iam.Role("r", name="found", assume_role_policy={TRUST!r}, opts=taken("found"))
aws.iam.RolePolicy("p", name="inline", role="found", policy={READ!r}, opts=taken("found:inline"))
aws.cloudwatch.LogGroup("l", name="/found", retention_in_days=7, opts=taken("/found"))
aws.cloudwatch.EventRule("e", name="found", event_pattern='{{"source":["x"]}}', opts=taken("found"))
aws.sqs.Queue("q", name="found", visibility_timeout_seconds=7, opts=taken(pulumi.Config().require("queue")))
aws.sns.Topic("t", name="found", opts=taken(pulumi.Config().require("topic")))
aws.dynamodb.Table("d", name="found", attributes=[{{"name": "pk", "type": "S"}}], hash_key="pk",
    billing_mode="PAY_PER_REQUEST", opts=taken("found"))
aws.ssm.Parameter("s", name="/found", type="String", value="x", opts=taken("/found"))
aws.kms.Key("k", description="found", opts=taken(pulumi.Config().require("key")))
aws.sagemaker.ModelPackageGroup("g", model_package_group_name="found", opts=taken("found"))
"""


def make_found(environment: dict[str, str]) -> dict[str, str]:
    """Resources that somebody made without Pulumi; what an import must be told of them."""
    client(environment, "s3").create_bucket(Bucket="found")
    tags = {"TagSet": [{"Key": "a", "Value": "1"}]}
    client(environment, "s3").put_bucket_tagging(Bucket="found", Tagging=tags)
    client(environment, "s3").put_bucket_versioning(
        Bucket="found", VersioningConfiguration={"Status": "Enabled"}
    )
    client(environment, "iam").create_role(RoleName="found", AssumeRolePolicyDocument=TRUST)
    client(environment, "iam").put_role_policy(RoleName="found", PolicyName="inline", PolicyDocument=READ)
    client(environment, "logs").create_log_group(logGroupName="/found")
    client(environment, "logs").put_retention_policy(logGroupName="/found", retentionInDays=7)
    client(environment, "events").put_rule(Name="found", EventPattern='{"source": ["x"]}')
    client(environment, "dynamodb").create_table(
        TableName="found",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client(environment, "ssm").put_parameter(Name="/found", Type="String", Value="x")
    client(environment, "sagemaker").create_model_package_group(ModelPackageGroupName="found")
    queue = client(environment, "sqs").create_queue(QueueName="found", Attributes=QUEUE)
    return {
        "queue": queue["QueueUrl"],
        "topic": client(environment, "sns").create_topic(Name="found")["TopicArn"],
        "key": client(environment, "kms").create_key(Description="found")["KeyMetadata"]["KeyId"],
    }


def test_what_exists_is_imported_and_the_next_preview_is_clean(
    environment: dict[str, str], tmp_path: Path
) -> None:
    stack = Stack(tmp_path / "imports", environment)
    stack.create(IMPORTS)
    stack.configure(**make_found(environment))

    imported = stack.up()

    assert imported.code == 0, imported.text
    assert "do not match" not in imported.text
    assert set(imported.operations.values()) == {"import"}, imported.text
    assert len(imported.operations) == 12
    stack.write(IMPORTS.replace("import_=id", ""))
    assert stack.preview().operations == {}


CONTRACT = {
    "name": "late",
    "version": 1,
    "task": "binary-classification",
    "inputs": [{"name": "distance", "type": "number", "nullable": False}],
    "output": {"name": "probability", "type": "number", "minimum": 0.0, "maximum": 1.0},
}
FAILS_LATE = f"""
import pulumi, pulumi_aws as aws
role = aws.iam.Role("role", assume_role_policy={TRUST!r})
bucket = aws.s3.Bucket("bucket", force_destroy=True)
model_object = aws.s3.BucketObjectv2("object", bucket=bucket.id, key="model.tar.gz", content="no archive")
model = aws.sagemaker.Model("model", execution_role_arn=role.arn, primary_container={{
    "image": "headway-runtime@sha256:" + "0" * 64,
    "model_data_url": pulumi.Output.concat("s3://", bucket.bucket, "/", model_object.key)}})
config = aws.sagemaker.EndpointConfiguration("config", production_variants=[{{"variant_name": "a",
    "model_name": model.name, "instance_type": "ml.m5.large", "initial_instance_count": 1}}])
aws.sagemaker.Endpoint("endpoint", endpoint_config_name=config.name)
"""


def test_a_resource_that_fails_after_it_was_made_stays_in_the_state(
    environment: dict[str, str], tmp_path: Path
) -> None:
    stack = Stack(tmp_path / "late", environment)
    stack.create(FAILS_LATE)

    failed = stack.up()

    assert failed.code != 0
    assert "creating aws:sagemaker/endpoint:Endpoint 'endpoint': EndpointStatus is Failed" in failed.text
    assert "Traceback" not in failed.text
    state = stack.state()
    made = client(environment, "sagemaker").list_endpoints()["Endpoints"]
    assert [item["EndpointName"] for item in made] == [state["endpoint"]["id"]]

    artifact = tmp_path / "model.tar.gz"
    artifact.write_bytes(contract.placeholder_artifact(contract.Contract.from_document(CONTRACT)))
    stack.write(FAILS_LATE.replace('content="no archive"', f"source=pulumi.FileAsset({str(artifact)!r})"))
    repaired = stack.up()
    assert repaired.code == 0, repaired.text
    assert set(repaired.operations) == {"object", "endpoint"}
    name = stack.state()["endpoint"]["id"]
    assert (
        client(environment, "sagemaker").describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService"
    )
    assert stack.preview().operations == {}
    assert stack.destroy().code == 0
    assert client(environment, "sagemaker").list_endpoints()["Endpoints"] == []


WRONG = """
import pulumi, pulumi_aws as aws
aws.sagemaker.EndpointConfiguration("range", data_capture_config={"destination_s3_uri": "s3://b/c"},
    production_variants=[{"variant_name": "a", "model_name": pulumi.Output.secret("hush-hush" * 9),
    "instance_type": "ml.none", "initial_instance_count": 0, "instanceTipe": "x"}])
"""


def test_wrong_inputs_are_named_with_type_property_value_and_what_is_allowed(
    environment: dict[str, str], tmp_path: Path
) -> None:
    stack = Stack(tmp_path / "wrong", environment)
    stack.create(WRONG)

    refused = stack.preview()

    assert refused.code != 0
    for text in (
        "aws:sagemaker/endpointConfiguration:EndpointConfiguration: dataCaptureConfig.captureOptions is",
        "dataCaptureConfig.initialSamplingPercentage is required",
        "productionVariants[0].initialInstanceCount must be at least 1, got 0",
        "productionVariants[0].instanceType must be one of",
        "productionVariants[0].instanceTipe is no property of this type",
        "productionVariants[0].modelName must have",
    ):
        assert text in refused.text
    assert "hush-hush" not in refused.text
    assert "Traceback" not in refused.text


OFFLINE = """
import pulumi, pulumi_aws as aws
bucket = aws.s3.Bucket("named", bucket="named-bucket", tags={"a": "1"})
made_up = aws.s3.Bucket("made-up")
key = aws.kms.Key("key")
alias = aws.kms.Alias("alias", target_key_id=key.id)
pulumi.export("arn", bucket.arn)
pulumi.export("tags", bucket.tags_all)
pulumi.export("unknown", pulumi.Output.all(made_up.arn, key.arn, alias.target_key_arn))
pulumi.export("account", aws.get_caller_identity().account_id)
pulumi.export("partition", aws.get_partition().partition)
"""


def test_any_environment_is_previewed_without_credentials_and_without_a_sandbox(
    environment: dict[str, str], tmp_path: Path
) -> None:
    bare = {name: value for name, value in environment.items() if not name.startswith("AWS_")}
    stack = Stack(tmp_path / "offline", bare)
    stack.create(OFFLINE)
    stack.configure(**{"aws:region": "cn-north-1", "aws:allowedAccountIds": '["333333333333"]'})

    planned = stack.preview()

    assert planned.code == 0, planned.text
    assert 'arn      : "arn:aws-cn:s3:::named-bucket"' in planned.text
    assert 'account  : "333333333333"' in planned.text
    assert 'partition: "aws-cn"' in planned.text
    assert "unknown  : [unknown]" in planned.text

    refused = stack.up()
    assert refused.code != 0
    assert "no sandbox to talk to" in refused.text

    stack.settings["AWS_ENDPOINT_URL"] = "https://s3.cn-north-1.amazonaws.com.cn"
    aimed_at_aws = stack.preview()
    assert aimed_at_aws.code != 0
    assert "never touches AWS" in aimed_at_aws.text


SECRETS = """
import pulumi, pulumi_aws as aws
hidden = pulumi.Config().require_secret("hidden")
queue = aws.sqs.Queue("queue", name="secretive", tags={"hidden": hidden})
aws.ssm.Parameter("parameter", type="String", insecure_value=hidden)
pulumi.export("tags", queue.tags)
"""


def test_a_secret_input_is_a_secret_in_state_output_and_messages(
    environment: dict[str, str], tmp_path: Path
) -> None:
    stack = Stack(tmp_path / "secrets", environment)
    stack.create(SECRETS)
    stack.configure(hidden_="hush-hush")

    texts = [stack.up().text, stack.preview(refresh=True).text]

    for text in [*texts, json.dumps(stack.state())]:
        assert "hush-hush" not in text
    assert stack.outputs()["tags"] == {"hidden": "hush-hush"}
    stack.configure(hidden_="other-hush")
    changed = stack.up()
    assert changed.code == 0, changed.text
    assert "hush" not in changed.text
    url = client(environment, "sqs").get_queue_url(QueueName="secretive")["QueueUrl"]
    assert client(environment, "sqs").list_queue_tags(QueueUrl=url)["Tags"] == {"hidden": "other-hush"}
