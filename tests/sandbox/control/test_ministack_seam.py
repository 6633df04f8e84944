"""What the sandbox relies on inside ministack, and what it adds: events, dimensions, SageMaker calls."""

from __future__ import annotations

import ast
import importlib.metadata
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from ministack import app
from ministack.core import router
from ministack.services import cloudwatch, eventbridge, scheduler, ssm, stepfunctions

from headway_sandbox import lifecycle
from headway_sandbox.ministack_seam import contract
from support.control import BUCKET, ROLE, Cloud, Jobs, refused, unique, until


def test_the_pinned_version_is_installed() -> None:
    (pinned,) = [
        line for line in importlib.metadata.requires("headway") or [] if line.startswith("ministack")
    ]

    assert pinned == f"ministack=={importlib.metadata.version('ministack')}"


def test_every_name_that_the_seam_touches_is_what_it_expects() -> None:
    assert list(contract.broken()) == []


def test_no_part_of_the_seam_touches_a_name_that_the_contract_does_not_list() -> None:
    listed = {item.name for item in contract.NAMES}
    own = {"_data", "_rest"}  # the dictionary inside ministack's tables by account
    folder = Path(contract.__file__).parent
    for path in sorted(folder.glob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        touched = {
            node.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and node.attr.startswith("_")
            and not node.attr.startswith("__")
            and not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"))
        }
        assert touched - listed - own == set(), path.name


def test_a_changed_ministack_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(ssm, "_parameters")
    monkeypatch.setattr(cloudwatch, "_evaluate_alarm", lambda alarm, surprise: None)

    assert [problem.split(" ")[0] for problem in contract.broken()] == [
        "ministack.services.cloudwatch._evaluate_alarm",
        "ministack.services.ssm._parameters",
    ]


def test_its_tables_are_what_the_seam_expects() -> None:
    assert callable(app.SERVICE_HANDLERS["s3"])
    assert "sagemaker" not in app.SERVICE_REGISTRY
    assert router.SERVICE_PATTERNS["ssm"]["target_prefixes"] == ["AmazonSSM"]
    assert stepfunctions._AWS_SDK_SERVICE_MAP["ssm"] == {"target_prefix": "AmazonSSM", "protocol": "json"}
    # The seam runs these functions with other names for the time.
    assert "_now_ts" in eventbridge._tick_scheduled_rules.__code__.co_names
    assert "time" in scheduler._tick_schedules.__code__.co_names


def alarm(cloud: Cloud, name: str, dimensions: dict[str, str]) -> None:
    cloud.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        AlarmDescription="too many errors",
        Namespace="Seam",
        MetricName="Errors",
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )


def measure(cloud: Cloud, value: float, dimensions: dict[str, str]) -> None:
    data = {
        "MetricName": "Errors",
        "Value": value,
        "Dimensions": [{"Name": k, "Value": v} for k, v in dimensions.items()],
    }
    cloud.client("cloudwatch").put_metric_data(Namespace="Seam", MetricData=[data])


def test_an_alarm_reacts_to_its_own_dimensions_and_says_so_on_the_bus(cloud: Cloud) -> None:
    champion, challenger = unique("champion"), unique("challenger")
    events = cloud.events({"source": ["aws.cloudwatch"], "detail": {"alarmName": [champion, challenger]}})
    for name in (champion, challenger):
        alarm(cloud, name, {"Variant": name})

    measure(cloud, 0, {"Variant": champion})
    measure(cloud, 5, {"Variant": challenger})

    (recovered, tripped) = events.wait_for(2)
    states = {
        event["detail"]["alarmName"]: event["detail"]["state"]["value"] for event in (recovered, tripped)
    }
    assert states == {champion: "OK", challenger: "ALARM"}
    assert tripped["detail-type"] == "CloudWatch Alarm State Change"
    assert tripped["resources"] == [f"arn:aws:cloudwatch:us-east-1:000000000000:alarm:{challenger}"]
    detail = tripped["detail"]
    assert detail["previousState"]["value"] == "INSUFFICIENT_DATA"
    assert detail["configuration"] == {
        "description": "too many errors",
        "metrics": [
            {
                "id": "m1",
                "metricStat": {
                    "metric": {"namespace": "Seam", "name": "Errors", "dimensions": {"Variant": challenger}},
                    "period": 60,
                    "stat": "Sum",
                },
                "returnData": True,
            }
        ],
    }


def test_an_alarm_that_a_person_sets_is_an_event_and_a_composite_follows(cloud: Cloud) -> None:
    part, whole = unique("part"), unique("whole")
    events = cloud.events({"source": ["aws.cloudwatch"], "detail": {"alarmName": [part, whole]}})
    alarm(cloud, part, {})
    cloud.client("cloudwatch").put_composite_alarm(AlarmName=whole, AlarmRule=f'ALARM("{part}")')

    cloud.client("cloudwatch").set_alarm_state(AlarmName=part, StateValue="ALARM", StateReason="drill")

    def states() -> dict[str, str]:
        return {event["detail"]["alarmName"]: event["detail"]["state"]["value"] for event in events.fetch()}

    until(lambda: states() == {part: "ALARM", whole: "ALARM"}, "both alarms")
    composite = [event for event in events.seen if event["detail"]["alarmName"] == whole][-1]
    assert composite["detail"]["configuration"]["alarmRule"] == f'ALARM("{part}")'


def test_a_changed_parameter_is_an_event(cloud: Cloud) -> None:
    name = f"/{unique('manifest')}"
    ssm = cloud.client("ssm")
    events = cloud.events({"source": ["aws.ssm"], "detail": {"name": [name]}})

    ssm.put_parameter(Name=name, Value="1", Type="String", Description="digest")
    ssm.put_parameter(Name=name, Value="2", Type="String", Overwrite=True)
    ssm.label_parameter_version(Name=name, Labels=["live"])
    ssm.delete_parameters(Names=[name, "/absent"])

    seen = events.wait_for(4)
    assert [event["detail"]["operation"] for event in seen] == [
        "Create",
        "Update",
        "LabelParameterVersion",
        "Delete",
    ]
    assert seen[0]["detail-type"] == "Parameter Store Change"
    assert seen[0]["detail"] == {
        "operation": "Create",
        "name": name,
        "type": "String",
        "description": "digest",
    }
    assert seen[0]["resources"] == [f"arn:aws:ssm:us-east-1:000000000000:parameter{name}"]


def run_machine(cloud: Cloud, definition: dict[str, Any], **members: Any) -> dict[str, Any]:
    machines = cloud.client("stepfunctions")
    arn = machines.create_state_machine(
        name=unique("machine"), definition=json.dumps(definition), roleArn=ROLE, **members
    )
    execution = machines.start_execution(stateMachineArn=arn["stateMachineArn"])["executionArn"]

    def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = machines.describe_execution(executionArn=execution)
        return None if found["status"] == "RUNNING" else found

    result: dict[str, Any] = until(ended, "the state machine's end")
    return result


def test_state_machines_call_sagemaker(cloud: Cloud, jobs: Jobs) -> None:
    job = jobs.train("")
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:sagemaker:describeTrainingJob",
        "Parameters": {"TrainingJobName": job["TrainingJobName"]},
        "ResultSelector": {"status.$": "$.TrainingJobStatus"},
        "End": True,
    }
    missing = {**task, "Parameters": {"TrainingJobName": "absent"}}
    fail = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:sagemaker:createPipeline",
        "Parameters": {"PipelineName": "p", "PipelineDefinition": "{}", "RoleArn": ROLE},
        "End": True,
    }

    found = run_machine(cloud, {"StartAt": "Describe", "States": {"Describe": task}})
    lost = run_machine(cloud, {"StartAt": "Describe", "States": {"Describe": missing}})
    refused = run_machine(cloud, {"StartAt": "Create", "States": {"Create": fail}})

    assert json.loads(found["output"]) == {"status": "Completed"}
    assert (lost["status"], lost["cause"]) == ("FAILED", "Requested resource not found.")
    # Without a token, as from an SDK that makes one up: refused for what it says, not for the missing token.
    assert refused["cause"].startswith("Unable to parse pipeline definition")


def test_functions_run_with_the_sandboxes_packages_and_reach_its_services(cloud: Cloud) -> None:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr(
            "handler.py",
            "import boto3, headway_sandbox\n"
            "def handle(event, context):\n"
            "    return [bucket['Name'] for bucket in boto3.client('s3').list_buckets()['Buckets']]\n",
        )
    name = unique("function")
    cloud.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.11",
        Role=ROLE,
        Handler="handler.handle",
        Code={"ZipFile": code.getvalue()},
    )

    answer = cloud.client("lambda").invoke(FunctionName=name)

    assert BUCKET in json.load(answer["Payload"])


def test_a_log_group_changes_its_key(cloud: Cloud) -> None:
    logs, name = cloud.client("logs"), unique("/group")
    key = "arn:aws:kms:us-east-1:000000000000:key/one"
    logs.create_log_group(logGroupName=name)

    def found() -> str | None:
        (group,) = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        return str(group["kmsKeyId"]) if "kmsKeyId" in group else None

    logs.associate_kms_key(logGroupName=name, kmsKeyId=key)
    assert found() == key
    logs.disassociate_kms_key(resourceIdentifier=f"arn:aws:logs:us-east-1:000000000000:log-group:{name}")
    assert found() is None
    assert refused(logs.associate_kms_key, logGroupName="/absent", kmsKeyId=key)[0] == (
        "ResourceNotFoundException"
    )


def test_the_audit_trail_outlives_a_restart(tmp_path: Path) -> None:
    cloud = Cloud(tmp_path / "trail")
    cloud.client("s3").create_bucket(Bucket=unique("audited"))
    lifecycle.stop(cloud.state_dir)
    cloud.start()

    events = cloud.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateBucket"}]
    )["Events"]

    lifecycle.stop(cloud.state_dir)
    assert [event["EventName"] for event in events] == ["CreateBucket"]
