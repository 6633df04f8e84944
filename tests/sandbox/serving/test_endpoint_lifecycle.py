"""Endpoints from creation to deletion: statuses, refusals and events as SageMaker has them."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.serving import ROLE, Serving, refused, until, variant_of

ARN = "arn:aws:sagemaker:us-east-1:000000000000"


@pytest.fixture(scope="module")
def good(serving: Serving) -> str:
    return serving.config_of({"NAME": "good"})


@pytest.fixture(scope="module")
def bad(serving: Serving) -> str:
    return serving.config_of({"START": "exit"}, VariantName="AllTraffic")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_new_endpoint_is_described(serving: Serving, good: str) -> None:
    endpoint = serving.describe(serving.endpoint(good))

    assert endpoint["EndpointArn"] == f"{ARN}:endpoint/{endpoint['EndpointName']}"
    assert endpoint["EndpointConfigName"] == good
    assert endpoint["EndpointStatus"] == "InService"
    assert "FailureReason" not in endpoint
    (variant,) = endpoint["ProductionVariants"]
    assert variant["VariantName"] == "main"
    assert variant["DeployedImages"][0]["SpecifiedImage"] == "registry/tiny-server:1"
    assert (variant["CurrentWeight"], variant["DesiredWeight"]) == (1.0, 1.0)
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (1, 1)


def test_an_endpoint_that_cannot_start_fails_with_the_reason(serving: Serving, bad: str) -> None:
    name = serving.name("endpoint")
    sagemaker = serving.client("sagemaker")
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=bad)

    failed = serving.settled(name)

    assert failed["EndpointStatus"] == "Failed"
    reason = failed["FailureReason"]
    assert reason.startswith(
        "The primary container for production variant AllTraffic did not pass the ping health check."
    )
    assert "exit code 3" in reason
    assert "the weights are corrupt" in reason
    with refused("ValidationError", "not found"):
        serving.invoke(name)
    with refused("ValidationException", "Cannot update endpoint", "Failed", "DeleteEndpoint"):
        sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=bad)
    sagemaker.delete_endpoint(EndpointName=name)
    sagemaker.get_waiter("endpoint_deleted").wait(
        EndpointName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 100}
    )


def test_missing_model_data_fails_the_endpoint(serving: Serving) -> None:
    artifact = serving.upload({"model.txt": "tree"})
    model = serving.model(ModelDataUrl=artifact)
    serving.client("s3").put_object(
        Bucket="models", Key=artifact.removeprefix("s3://models/"), Body=b"no archive"
    )
    name = serving.name("endpoint")
    serving.client("sagemaker").create_endpoint(
        EndpointName=name, EndpointConfigName=serving.config({"ModelName": model})
    )

    failed = serving.settled(name)

    assert failed["EndpointStatus"] == "Failed"
    assert (
        f'Failed to extract model data archive for container "primary" from URL "{artifact}"'
        in (failed["FailureReason"])
    )


def test_names_that_exist_and_names_that_do_not(serving: Serving, good: str) -> None:
    name = serving.endpoint(good)
    sagemaker = serving.client("sagemaker")

    with refused("ValidationException", f'Cannot create already existing endpoint "{ARN}:endpoint/{name}".'):
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=good)
    missing = f'Could not find endpoint "{ARN}:endpoint/nobody".'
    with refused("ValidationException", missing):
        sagemaker.describe_endpoint(EndpointName="nobody")
    with refused("ValidationException", missing):
        sagemaker.delete_endpoint(EndpointName="nobody")
    with refused("ValidationException", missing):
        sagemaker.update_endpoint(EndpointName="nobody", EndpointConfigName=good)
    with refused(
        "ValidationException", f'Could not find endpoint configuration "{ARN}:endpoint-config/none".'
    ):
        sagemaker.create_endpoint(EndpointName=serving.name("endpoint"), EndpointConfigName="none")


def test_of_many_who_create_one_name_at_once_one_wins(serving: Serving, good: str) -> None:
    sagemaker = serving.client("sagemaker")
    artifact = serving.upload({"model.txt": "tree"})
    container = {"Image": "tiny-server", "ModelDataUrl": artifact}
    name = serving.name("contested")
    model = serving.model()
    creations: list[tuple[Callable[..., Any], dict[str, Any]]] = [
        (
            sagemaker.create_model,
            {"ModelName": name, "PrimaryContainer": container, "ExecutionRoleArn": ROLE},
        ),
        (
            sagemaker.create_endpoint_config,
            {"EndpointConfigName": name, "ProductionVariants": [variant_of(ModelName=model)]},
        ),
        (sagemaker.create_endpoint, {"EndpointName": name, "EndpointConfigName": good}),
    ]

    def outcome(create: Callable[..., Any], request: dict[str, Any]) -> str:
        try:
            create(**request)
        except ClientError as error:
            return str(error.response["Error"]["Message"]).partition(" already existing")[0]
        return "created"

    for create, request in creations:
        with ThreadPoolExecutor(8) as pool:
            outcomes = Counter(pool.map(lambda _, c=create, r=request: outcome(c, r), range(8)))
        assert outcomes == {"created": 1, "Cannot create": 7}
    assert serving.settled(name)["EndpointStatus"] == "InService"


@pytest.mark.parametrize("name", ["../outside", "a/b", "..", "a b", "x" * 64])
def test_names_that_are_paths_are_refused(serving: Serving, good: str, name: str) -> None:
    sagemaker = serving.client("sagemaker")
    before = set(serving.state_dir.parent.glob("outside*")) | set(serving.state_dir.rglob("outside*"))

    with refused("ValidationException", "endpointName", "failed to satisfy constraint"):
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=good)
    with refused("ValidationException", "variantName", "failed to satisfy constraint"):
        serving.config({"ModelName": serving.model(), "VariantName": name})

    after = set(serving.state_dir.parent.glob("outside*")) | set(serving.state_dir.rglob("outside*"))
    assert after == before


def test_an_endpoint_in_progress_cannot_be_changed_or_deleted(serving: Serving, good: str) -> None:
    name = serving.name("endpoint")
    sagemaker = serving.client("sagemaker")
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=serving.config_of({"START": "slow"}))

    in_progress = f'Cannot update in-progress endpoint "{ARN}:endpoint/{name}".'
    with refused("ValidationException", in_progress):
        sagemaker.delete_endpoint(EndpointName=name)
    with refused("ValidationException", in_progress):
        sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=good)
    with refused("ValidationException", in_progress):
        serving.weigh(name, main=2.0)

    assert serving.settled(name)["EndpointStatus"] == "InService"


def test_an_update_loses_no_request(serving: Serving, good: str) -> None:
    name = serving.endpoint(good)
    old_pid = serving.invoke(name)["Body"]["pid"]
    updated = threading.Event()
    answers: list[str] = []

    def load() -> None:
        while not updated.is_set():
            answers.append(serving.invoke(name)["Body"]["name"])

    threads = [threading.Thread(target=load) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        endpoint = serving.update(name, serving.config_of({"NAME": "better", "START": "slow"}))
    finally:
        after = len(answers)
        until(lambda: len(answers), lambda count: count > after + 3)
        updated.set()
        for thread in threads:
            thread.join()

    assert endpoint["EndpointStatus"] == "InService"
    assert set(answers) == {"good", "better"}
    switched = answers.index("better")
    assert switched > 3
    assert set(answers[switched + 3 :]) == {"better"}, "the old fleet answered after the traffic had moved"
    assert not alive(old_pid)


def test_an_update_shows_what_is_pending(serving: Serving, good: str) -> None:
    name = serving.endpoint(good)
    config = serving.config_of({"START": "slow"})
    serving.client("sagemaker").update_endpoint(EndpointName=name, EndpointConfigName=config)

    during = serving.describe(name)

    assert during["EndpointStatus"] == "Updating"
    assert during["EndpointConfigName"] == good
    assert during["PendingDeploymentSummary"]["EndpointConfigName"] == config
    after = serving.settled(name)
    assert after["EndpointConfigName"] == config
    assert "PendingDeploymentSummary" not in after


def test_a_bad_update_is_rolled_back_and_says_why(serving: Serving, good: str, bad: str) -> None:
    name = serving.endpoint(good)

    endpoint = serving.update(name, bad)

    assert endpoint["EndpointStatus"] == "InService"
    assert endpoint["EndpointConfigName"] == good
    assert "did not pass the ping health check" in endpoint["FailureReason"]
    assert serving.invoke(name)["Body"]["name"] == "good"

    repaired = serving.update(name, serving.config_of({"NAME": "repaired"}))

    assert "FailureReason" not in repaired
    assert serving.invoke(name)["Body"]["name"] == "repaired"


def test_an_update_needs_the_configuration_in_use(serving: Serving, good: str) -> None:
    config = serving.config_of({"NAME": "orphan"})
    name = serving.endpoint(config)
    serving.client("sagemaker").delete_endpoint_config(EndpointConfigName=config)

    with refused(
        "ValidationException", f'Could not find endpoint configuration "{ARN}:endpoint-config/{config}".'
    ):
        serving.update(name, good)

    assert serving.invoke(name)["Body"]["name"] == "orphan"


def test_an_update_resets_weights_unless_they_are_retained(serving: Serving) -> None:
    variants = [{"VariantName": name, "ModelName": serving.model()} for name in ("a", "b")]
    name = serving.endpoint(serving.config(*variants))
    serving.weigh(name, a=0.0)
    second, third = (serving.config(*variants) for _ in range(2))

    retained = serving.update(name, second, RetainAllVariantProperties=True)
    assert {item["VariantName"]: item["CurrentWeight"] for item in retained["ProductionVariants"]} == {
        "a": 0.0,
        "b": 1.0,
    }

    reset = serving.update(name, third)
    assert [item["CurrentWeight"] for item in reset["ProductionVariants"]] == [1.0, 1.0]


def test_capacity_can_be_changed(serving: Serving, good: str) -> None:
    name = serving.endpoint(good)
    serving.client("sagemaker").update_endpoint_weights_and_capacities(
        EndpointName=name, DesiredWeightsAndCapacities=[{"VariantName": "main", "DesiredInstanceCount": 2}]
    )

    endpoint = serving.settled(name)

    assert endpoint["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    assert serving.invoke(name)["Body"]["name"] == "good"


def test_a_deleted_endpoint_is_gone_with_its_processes(serving: Serving, good: str) -> None:
    name = serving.endpoint(good)
    pid = serving.invoke(name)["Body"]["pid"]
    sagemaker = serving.client("sagemaker")

    sagemaker.delete_endpoint(EndpointName=name)

    sagemaker.get_waiter("endpoint_deleted").wait(
        EndpointName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 100}
    )
    assert not alive(pid)
    with refused("ValidationError", "not found"):
        serving.invoke(name)
    assert serving.endpoint(good) != name


def test_endpoints_are_listed_by_name_and_status(serving: Serving, good: str) -> None:
    names = [serving.endpoint(good) for _ in range(2)]

    listed = serving.client("sagemaker").list_endpoints(
        NameContains="endpoint-", StatusEquals="InService", SortBy="Name", MaxResults=100
    )["Endpoints"]

    assert set(names) <= {item["EndpointName"] for item in listed}
    assert {item["EndpointStatus"] for item in listed} == {"InService"}


def test_state_changes_are_put_on_eventbridge(serving: Serving, good: str, bad: str) -> None:
    name = serving.name("endpoint")
    sqs, events = serving.client("sqs"), serving.client("events")
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Endpoint State Change"],
        "detail": {"EndpointName": [name]},
    }
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])

    sagemaker = serving.client("sagemaker")
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=good)
    serving.settled(name)
    serving.update(name, bad)
    sagemaker.delete_endpoint(EndpointName=name)

    seen: list[dict[str, Any]] = []

    def receive() -> list[dict[str, Any]]:
        answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
        seen.extend(json.loads(message["Body"]) for message in answer.get("Messages", []))
        return seen

    until(receive, lambda found: len(found) >= 6)
    details = sorted((event["detail"] for event in seen), key=lambda detail: detail["LastModifiedTime"])
    assert [detail["EndpointStatus"] for detail in details] == [
        "CREATING",
        "IN_SERVICE",
        "UPDATING",
        "ROLLING_BACK",
        "IN_SERVICE",
        "DELETING",
    ]
    assert "did not pass the ping health check" in details[-2]["FailureReason"]
    assert seen[0]["resources"] == [f"{ARN}:endpoint/{name}"]


def test_tags_at_creation_are_listed(serving: Serving, good: str) -> None:
    name = serving.name("endpoint")
    sagemaker = serving.client("sagemaker")
    tags = [{"Key": "team", "Value": "delays"}]

    arn = sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=good, Tags=tags)["EndpointArn"]

    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == tags
    serving.settled(name)


def test_a_capacity_that_cannot_be_reached_is_rolled_back(serving: Serving) -> None:
    artifact = serving.upload({"model.txt": "tree"})
    variants = [
        {"VariantName": name, "ModelName": serving.model(ModelDataUrl=artifact)} for name in ("a", "b")
    ]
    name = serving.endpoint(serving.config(*variants))
    serving.client("s3").delete_object(Bucket="models", Key=artifact.removeprefix("s3://models/"))
    desired = [{"VariantName": "b", "DesiredInstanceCount": 2, "DesiredWeight": 9.0}]
    serving.client("sagemaker").update_endpoint_weights_and_capacities(
        EndpointName=name, DesiredWeightsAndCapacities=desired
    )

    endpoint = serving.settled(name)

    assert endpoint["EndpointStatus"] == "InService"
    assert (
        f'Failed to download model data for container "primary" from URL: "{artifact}"'
        in (endpoint["FailureReason"])
    )
    assert [item["CurrentWeight"] for item in endpoint["ProductionVariants"]] == [1.0, 1.0]
    assert [item["CurrentInstanceCount"] for item in endpoint["ProductionVariants"]] == [1, 1]
    assert {serving.invoke(name)["InvokedProductionVariant"] for _ in range(4)} == {"a", "b"}


def test_a_server_that_keeps_dying_is_restarted_each_time(serving: Serving, good: str) -> None:
    name = serving.endpoint(good)
    pids = [serving.invoke(name)["Body"]["pid"]]

    for _ in range(3):
        os.kill(pids[-1], signal.SIGKILL)
        pids.append(serving.invoke(name)["Body"]["pid"])

    assert len(set(pids)) == 4
    assert serving.describe(name)["EndpointStatus"] == "InService"
