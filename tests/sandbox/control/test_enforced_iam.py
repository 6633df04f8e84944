"""Enforced IAM: every call held against its caller's policies, our own services and roles' tasks included."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from headway_sandbox import lifecycle
from headway_sandbox.permissions import Need, Place, needs_of
from support.control import BUCKET, Cloud, Jobs, refused, unique, until

ACCOUNT = "000000000000"
SAGEMAKER = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}"
Statement = dict[str, Any]


@dataclass
class EnforcedCloud(Cloud):
    """A sandbox that enforces IAM."""

    def start(self) -> None:
        self.record = lifecycle.start(self.state_dir, 0, enforce_iam=True)
        self.clients.clear()

    def role(self, *statements: Statement, principal: str = "sagemaker", **condition: Any) -> str:
        """A role that may do what the statements say, and whom one service may take on."""
        name = unique("role")
        trust = {
            "Effect": "Allow",
            "Principal": {"Service": f"{principal}.amazonaws.com", "AWS": ACCOUNT},
            "Action": "sts:AssumeRole",
        }
        iam = self.client("iam")
        arn = iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=json.dumps(
                {"Statement": [{**trust, **({"Condition": condition} if condition else {})}]}
            ),
        )["Role"]["Arn"]
        if statements:
            policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
            iam.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=policy)
        return str(arn)

    def as_role(self, service: str, role: str, **session: Any) -> Any:
        """A client with the credentials of a role."""
        keys = self.client("sts").assume_role(RoleArn=role, RoleSessionName="tester", **session)[
            "Credentials"
        ]
        return boto3.client(
            service,
            endpoint_url=self.record.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
            config=Config(retries={"max_attempts": 0}),
        )


def allow(*actions: str, on: str | list[str] = "*", **members: Any) -> Statement:
    return {"Effect": "Allow", "Action": list(actions), "Resource": on, **members}


@pytest.fixture(scope="module")
def enforced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EnforcedCloud]:
    state_dir = tmp_path_factory.mktemp("enforced")
    cloud = EnforcedCloud(state_dir)
    cloud.client("s3").create_bucket(Bucket=BUCKET)
    yield cloud
    lifecycle.stop(state_dir)
    log = (state_dir / "sandbox.log").read_text()
    assert "Traceback" not in log, log


PLACE = Place("us-east-1", ACCOUNT)


@pytest.mark.parametrize(
    ("operation", "request_", "needs"),
    [
        ("ListModels", {}, [("ListModels", "*")]),
        ("ListModelPackages", {"ModelPackageGroupName": "g"}, [("ListModelPackages", "*")]),
        ("DescribeModel", {"ModelName": "My-Model"}, [("DescribeModel", f"{SAGEMAKER}:model/my-model")]),
        (
            "CreateEndpoint",
            {"EndpointName": "e", "EndpointConfigName": "c"},
            [
                ("CreateEndpoint", f"{SAGEMAKER}:endpoint-config/c"),
                ("CreateEndpoint", f"{SAGEMAKER}:endpoint/e"),
            ],
        ),
        (
            "CreateModelPackage",
            {"ModelPackageGroupName": "g"},
            [("CreateModelPackage", f"{SAGEMAKER}:model-package/g/*")],
        ),
        (
            "DescribePipelineExecution",
            {"PipelineExecutionArn": f"{SAGEMAKER}:pipeline/p/execution/x"},
            [("DescribePipelineExecution", f"{SAGEMAKER}:pipeline/p/execution/x")],
        ),
        (
            "ListPipelineParametersForExecution",
            {"PipelineExecutionArn": f"{SAGEMAKER}:pipeline/p/execution/x"},
            [("ListPipelineParametersForExecution", f"{SAGEMAKER}:pipeline/p/execution/x")],
        ),
        (
            "CreateDataQualityJobDefinition",
            {"JobDefinitionName": "d"},
            [("CreateDataQualityJobDefinition", f"{SAGEMAKER}:data-quality-job-definition/d")],
        ),
        (
            "AddTags",
            {"ResourceArn": f"{SAGEMAKER}:model/m", "Tags": [{"Key": "a", "Value": "b"}]},
            [("AddTags", f"{SAGEMAKER}:model/m")],
        ),
    ],
)
def test_what_a_call_needs(operation: str, request_: dict[str, Any], needs: list[tuple[str, str]]) -> None:
    found = needs_of("sagemaker", operation, request_, PLACE)

    assert [(need.action, need.resource) for need in found] == [(f"sagemaker:{a}", r) for a, r in needs]


def test_creating_with_a_role_and_tags_needs_passing_and_tagging() -> None:
    request = {"ModelName": "m", "ExecutionRoleArn": "arn:r", "Tags": [{"Key": "team", "Value": "a"}]}

    created, tagged, passed = needs_of("sagemaker", "CreateModel", request, PLACE)

    assert created.context == {"aws:RequestTag/team": "a", "aws:TagKeys": ["team"]}
    assert (tagged.action, tagged.resource) == ("sagemaker:AddTags", created.resource)
    assert passed == Need("iam:PassRole", "arn:r", {"iam:PassedToService": "sagemaker.amazonaws.com"})


@pytest.mark.parametrize(
    ("statements", "denied"),
    [
        ([], "no identity-based policy allows the sagemaker:DescribeModel action"),
        ([allow("sagemaker:DescribeModel", on=f"{SAGEMAKER}:model/other")], "no identity-based policy"),
        ([allow("sagemaker:Describe*", on=f"{SAGEMAKER}:model/*")], None),
        ([{"Effect": "Allow", "NotAction": "iam:*", "NotResource": f"{SAGEMAKER}:endpoint/*"}], None),
        (
            [allow("*"), {"Effect": "Deny", "Action": "sagemaker:DescribeModel", "Resource": "*"}],
            "with an explicit deny in an identity-based policy",
        ),
        ([allow("*", Condition={"Bool": {"aws:SecureTransport": "true"}})], None),
        ([allow("*", Condition={"StringEquals": {"aws:RequestedRegion": "eu-west-1"}})], "no identity-based"),
        ([allow("*", Condition={"ArnLike": {"aws:PrincipalArn": "arn:aws:*::*:*role/*"}})], None),
        ([allow("*", on=f"{SAGEMAKER}:model/${{aws:PrincipalAccount}}")], None),
        ([allow("*", on=f"{SAGEMAKER}:model/${{aws:username}}")], "no identity-based"),
    ],
)
def test_a_call_to_sagemaker_is_held_against_policies(
    enforced: EnforcedCloud, statements: list[Statement], denied: str | None
) -> None:
    role = enforced.role(*statements)

    # The account's number as a name: what a variable stands for.
    code, message = refused(enforced.as_role("sagemaker", role).describe_model, ModelName=ACCOUNT)

    if denied is None:
        assert (code, "Could not find model" in message) == ("ValidationException", True)
    else:
        assert code == "AccessDeniedException"
        name = role.rpartition("/")[2]
        who = f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{name}/tester is not authorized to perform: "
        assert message.startswith(f"{who}sagemaker:DescribeModel on resource: {SAGEMAKER}:model/{ACCOUNT}")
        assert denied in message


def test_metrics_go_to_the_namespace_that_a_role_may_publish_to(enforced: EnforcedCloud) -> None:
    own = {"StringEquals": {"cloudwatch:namespace": "Own/Metrics"}}
    role = enforced.role(allow("cloudwatch:PutMetricData", Condition=own))
    put = enforced.as_role("cloudwatch", role).put_metric_data
    data = [{"MetricName": "one", "Value": 1.0}]

    put(Namespace="Own/Metrics", MetricData=data)
    assert refused(put, Namespace="Other", MetricData=data)[0].startswith("AccessDenied")


def test_a_session_policy_narrows_a_role(enforced: EnforcedCloud) -> None:
    role = enforced.role(allow("sagemaker:*"))
    session = json.dumps({"Statement": [allow("sagemaker:ListModels")]})
    client = enforced.as_role("sagemaker", role, Policy=session)

    client.list_models()
    assert refused(client.list_endpoints)[0] == "AccessDeniedException"


def test_rest_calls_and_forged_signatures_are_refused_too(enforced: EnforcedCloud) -> None:
    role = enforced.role(allow("sagemaker:InvokeEndpoint", on=f"{SAGEMAKER}:endpoint/mine"))
    runtime = enforced.as_role("sagemaker-runtime", role)

    assert refused(runtime.invoke_endpoint, EndpointName="other", Body=b"")[0] == "AccessDeniedException"
    assert refused(runtime.invoke_endpoint, EndpointName="mine", Body=b"")[0] == "ValidationError"
    keys = enforced.client("sts").assume_role(RoleArn=role, RoleSessionName="tester")["Credentials"]
    forged = boto3.client(
        "sagemaker-runtime",
        endpoint_url=enforced.record.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key="guessed",
        aws_session_token=keys["SessionToken"],
    )
    assert refused(forged.invoke_endpoint, EndpointName="mine", Body=b"")[0] in (
        "SignatureDoesNotMatch",
        "InvalidSignatureException",
    )


def test_a_role_that_sagemaker_cannot_take_on_is_refused(enforced: EnforcedCloud, tmp_path: Path) -> None:
    jobs = Jobs(enforced, tmp_path)
    others = enforced.role(principal="lambda")
    elsewhere = enforced.role(StringEquals={"aws:SourceAccount": "111111111111"})
    here = enforced.role(allow("*"), StringEquals={"aws:SourceAccount": ACCOUNT})

    for role in (others, elsewhere, f"arn:aws:iam::{ACCOUNT}:role/absent"):
        request = {**jobs.training_request(""), "RoleArn": role}
        code, message = refused(enforced.sagemaker.create_training_job, **request)
        assert (code, f"Could not assume role {role}" in message) == ("ValidationException", True)
    assert jobs.train("", RoleArn=here)["TrainingJobStatus"] == "Completed"


def test_passing_a_role_needs_the_permission(enforced: EnforcedCloud, tmp_path: Path) -> None:
    passed = enforced.role(allow("*"))
    caller = enforced.role(allow("sagemaker:CreateTrainingJob"))
    request = {**Jobs(enforced, tmp_path).training_request(""), "RoleArn": passed}

    code, message = refused(enforced.as_role("sagemaker", caller).create_training_job, **request)

    assert code == "AccessDeniedException"
    assert f"iam:PassRole on resource: {passed}" in message


def test_a_job_acts_as_its_role_and_nothing_more(enforced: EnforcedCloud, tmp_path: Path) -> None:
    jobs = Jobs(enforced, tmp_path)
    for key in ("mine/a", "theirs/b"):
        enforced.put(key)
    objects, bucket = f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/"
    role = enforced.role(
        allow("s3:GetObject", "s3:PutObject", on=[f"{bucket}mine/*", f"{bucket}models/*"]),
        allow("s3:ListBucket", on=objects),
    )
    tries = (
        "import boto3\n"
        "s3 = boto3.client('s3')\n"
        f"s3.get_object(Bucket='{BUCKET}', Key='mine/a')\n"
        "print(boto3.client('sts').get_caller_identity()['Arn'])\n"
        f"s3.get_object(Bucket='{BUCKET}', Key='theirs/b')\n"
    )

    job = jobs.train(tries, RoleArn=role)

    assert job["TrainingJobStatus"] == "Failed"
    lines = enforced.log_lines("/aws/sagemaker/TrainingJobs", job["TrainingJobName"])
    assert any(f":assumed-role/{role.rpartition('/')[2]}/{job['TrainingJobName']}" in line for line in lines)
    assert lines[-1].endswith(
        f'is not authorized to perform: s3:GetObject on resource: "{bucket}theirs/b" because no '
        "identity-based policy allows the s3:GetObject action"
    )
    channel = {
        "ChannelName": "train",
        "DataSource": {
            "S3DataSource": {
                "S3DataType": "S3Prefix",
                "S3Uri": f"s3://{BUCKET}/theirs",
                "S3DataDistributionType": "FullyReplicated",
            }
        },
    }
    starved = jobs.train("", RoleArn=role, InputDataConfig=[channel])
    assert "s3:GetObject" in starved["FailureReason"]


def test_the_key_behind_an_object_is_needed_to_write_and_to_read_it(enforced: EnforcedCloud) -> None:
    kms, s3 = enforced.client("kms"), enforced.client("s3")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    name = unique("sealed")
    s3.create_bucket(Bucket=name)
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
    objects = allow("s3:PutObject", "s3:GetObject", on=f"arn:aws:s3:::{name}/*")
    without = enforced.as_role("s3", enforced.role(objects))
    through = {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}
    writer = enforced.as_role(
        "s3", enforced.role(objects, allow("kms:GenerateDataKey", on=key, Condition=through))
    )

    code, message = refused(without.put_object, Bucket=name, Key="a", Body=b"1")
    assert (code, f"kms:GenerateDataKey on resource: {key}" in message) == ("AccessDenied", True)
    writer.put_object(Bucket=name, Key="a", Body=b"1")
    code, message = refused(writer.get_object, Bucket=name, Key="a")
    assert (code, f"kms:Decrypt on resource: {key}" in message) == ("AccessDenied", True)
    assert s3.get_object(Bucket=name, Key="a")["Body"].read() == b"1"
    kms.disable_key(KeyId=key)
    assert refused(s3.get_object, Bucket=name, Key="a")[0] == "KMS.DisabledException"


def function(cloud: EnforcedCloud, code: str) -> str:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("handler.py", f"import boto3\ndef handle(event, context):\n    {code}\n")
    role = cloud.role(principal="lambda")
    return str(
        cloud.client("lambda").create_function(
            FunctionName=unique("function"),
            Runtime="python3.11",
            Role=role,
            Handler="handler.handle",
            Code={"ZipFile": archive.getvalue()},
        )["FunctionArn"]
    )


def execution(cloud: EnforcedCloud, role: str, task: dict[str, Any]) -> dict[str, Any]:
    machines = cloud.client("stepfunctions")
    definition = {"StartAt": "Do", "States": {"Do": {"Type": "Task", "End": True, **task}}}
    machine = machines.create_state_machine(
        name=unique("machine"), definition=json.dumps(definition), roleArn=role
    )["stateMachineArn"]
    arn = machines.start_execution(stateMachineArn=machine)["executionArn"]

    def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = machines.describe_execution(executionArn=arn)
        return None if found["status"] == "RUNNING" else found

    return dict(until(ended, "the end of the execution"))


def test_a_function_and_a_state_machine_act_as_their_roles(enforced: EnforcedCloud) -> None:
    lists = function(enforced, "return boto3.client('sagemaker').list_models()['Models']")
    task = {"Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": lists}}
    sdk = {"Resource": "arn:aws:states:::aws-sdk:sagemaker:listModels", "Parameters": {}}
    invokes = enforced.role(allow("lambda:InvokeFunction", on=lists), principal="states")
    nothing = enforced.role(principal="states")

    may, may_not, no_sdk = (
        execution(enforced, invokes, task),
        execution(enforced, nothing, task),
        execution(enforced, nothing, sdk),
    )

    # The function was reached, and itself refused.
    assert may["status"] == "FAILED"
    assert "sagemaker:ListModels" in may["cause"]
    assert f"lambda:InvokeFunction on resource: {lists}" in may_not["cause"]
    assert may_not["error"] == "Lambda.AWSLambdaException"
    assert no_sdk["error"] == "SageMaker.AccessDeniedException"
    assert "sagemaker:ListModels on resource: *" in no_sdk["cause"]
    code, message = refused(
        enforced.client("stepfunctions").create_state_machine,
        name="untrusted",
        definition="{}",
        roleArn=enforced.role(principal="lambda"),
    )
    assert (code, "states.amazonaws.com" in message) == ("AccessDeniedException", True)


def test_a_rule_reaches_what_lets_it_in_and_nothing_else(enforced: EnforcedCloud) -> None:
    rule, sqs = unique("rule"), enforced.client("sqs")
    arn = enforced.client("events").put_rule(Name=rule, ScheduleExpression="rate(1 day)")["RuleArn"]
    urls = [sqs.create_queue(QueueName=unique("queue"))["QueueUrl"] for _ in range(2)]
    queues = [f"arn:aws:sqs:us-east-1:{ACCOUNT}:{url.rpartition('/')[2]}" for url in urls]
    lets_in = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queues[0],
        "Condition": {"ArnEquals": {"aws:SourceArn": arn}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [lets_in]})
    sqs.set_queue_attributes(QueueUrl=urls[0], Attributes={"Policy": policy})
    targets = [{"Id": str(number), "Arn": queue} for number, queue in enumerate(queues)]
    enforced.client("events").put_targets(Rule=rule, Targets=targets)

    lifecycle.control(enforced.record, "POST", "/_headway/clock/run", {"name": rule})

    until(lambda: sqs.receive_message(QueueUrl=urls[0]).get("Messages"), "the message")
    assert "Messages" not in sqs.receive_message(QueueUrl=urls[1])
    log = (enforced.state_dir / "sandbox.log").read_text()
    assert f"{arn} did not reach its target {queues[1]}" in log


def test_a_pipeline_acts_as_its_role(enforced: EnforcedCloud, tmp_path: Path) -> None:
    request = Jobs(enforced, tmp_path).training_request("")
    del request["TrainingJobName"]
    job_role = enforced.role(allow("*"))
    step = {"Name": "Train", "Type": "Training", "Arguments": {**request, "RoleArn": job_role}}
    definition = json.dumps({"Version": "2020-12-01", "Parameters": [], "Steps": [step]})

    def outcome(role: str) -> tuple[str, str]:
        name = unique("pipeline")
        enforced.sagemaker.create_pipeline(PipelineName=name, PipelineDefinition=definition, RoleArn=role)
        arn = enforced.sagemaker.start_pipeline_execution(PipelineName=name)["PipelineExecutionArn"]

        def ended() -> dict[str, Any] | None:
            steps = enforced.sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)
            found = [item for item in steps["PipelineExecutionSteps"] if "EndTime" in item]
            return found[0] if found else None

        last = until(ended, "the step's end")
        return last["StepStatus"], last.get("FailureReason", "")

    creates = allow("sagemaker:CreateTrainingJob", on=f"{SAGEMAKER}:training-job/pipelines-*")
    status, reason = outcome(enforced.role(creates))
    assert (status, f"iam:PassRole on resource: {job_role}" in reason) == ("Failed", True)
    passes = allow("iam:PassRole", on=job_role)
    assert outcome(enforced.role(creates, passes))[0] == "Succeeded"


def test_a_running_sandbox_does_not_change_its_mode(enforced: EnforcedCloud) -> None:
    with pytest.raises(lifecycle.SandboxError, match="runs already, with enforced IAM"):
        lifecycle.start(enforced.state_dir, 0, enforce_iam=False)
    assert lifecycle.start(enforced.state_dir, 0).enforce_iam
