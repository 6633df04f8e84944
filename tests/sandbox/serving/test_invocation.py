"""InvokeEndpoint against real model servers, through boto3."""

from __future__ import annotations

import os
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.serving import Serving, refused, until


@pytest.fixture(scope="module")
def champion(serving: Serving) -> str:
    artifact = serving.upload({"model.json": "{}", "code/extra.txt": "text"})
    return serving.endpoint(
        serving.config({"ModelName": serving.model({"NAME": "champion"}, ModelDataUrl=artifact)})
    )


@pytest.fixture(scope="module")
def pair(serving: Serving) -> str:
    models = {name: serving.model({"NAME": name}) for name in ("champion", "challenger")}
    variants = [{"VariantName": name, "ModelName": model} for name, model in models.items()]
    return serving.endpoint(serving.config(*variants))


def counts(serving: Serving, endpoint: str, requests: int, **more: Any) -> Counter[str]:
    return Counter(serving.invoke(endpoint, **more)["InvokedProductionVariant"] for _ in range(requests))


def test_the_model_answers_with_what_it_was_sent(serving: Serving, champion: str) -> None:
    answer = serving.invoke(
        champion, b"1,2,3", InferenceId="flight-7", CustomAttributes="trace=9", ContentType="text/csv"
    )

    assert answer["InvokedProductionVariant"] == "main"
    assert answer["ContentType"] == "application/json"
    assert answer["CustomAttributes"] == "seen trace=9"
    said = answer["Body"]
    assert (said["name"], said["body"]) == ("champion", "1,2,3")
    assert said["headers"]["content-type"] == "text/csv"
    assert said["headers"]["accept"] == "application/json"
    assert said["headers"]["x-amzn-sagemaker-inference-id"] == "flight-7"
    assert "authorization" not in said["headers"]


def test_the_model_server_runs_under_the_serving_contract(serving: Serving, champion: str) -> None:
    said = serving.invoke(champion)["Body"]

    assert said["arguments"] == ["serve"]
    assert said["files"] == {"model/model.json": "{}", "model/code/extra.txt": "text"}
    assert said["environment"]["SAGEMAKER_BIND_TO_HOST"] == "127.0.0.1"
    assert said["environment"]["AWS_ENDPOINT_URL"] == serving.record.endpoint_url


def test_a_model_without_network_gets_no_credentials(serving: Serving) -> None:
    name = serving.name("isolated")
    serving.client("sagemaker").create_model(
        ModelName=name,
        PrimaryContainer={"Image": "tiny-server"},
        ExecutionRoleArn="arn:aws:iam::000000000000:role/serving",
        EnableNetworkIsolation=True,
    )

    said = serving.invoke(serving.endpoint(serving.config({"ModelName": name})))["Body"]

    assert not [variable for variable in said["environment"] if variable.startswith("AWS_")]


def test_an_error_of_the_model_carries_what_the_model_said(serving: Serving, champion: str) -> None:
    with pytest.raises(ClientError) as caught:
        serving.invoke(champion, b"status:422")

    response = caught.value.response
    assert response["Error"]["Code"] == "ModelError"
    assert "Received client error (422) from primary with message" in response["Error"]["Message"]
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert response["OriginalStatusCode"] == 422
    assert response["OriginalMessage"] == '{"error": "asked for"}'
    assert response["LogStreamArn"].endswith(f"log-group:/aws/sagemaker/Endpoints/{champion}")


def test_an_unknown_endpoint_is_named(serving: Serving) -> None:
    with refused("ValidationError", "Endpoint nobody of account 000000000000 not found."):
        serving.invoke("nobody")


def test_an_endpoint_that_is_not_ready_is_not_found(serving: Serving) -> None:
    name = serving.name("endpoint")
    serving.client("sagemaker").create_endpoint(
        EndpointName=name, EndpointConfigName=serving.config_of({"START": "slow"})
    )

    with refused("ValidationError", f"Endpoint {name} of account 000000000000 not found."):
        serving.invoke(name)

    serving.settled(name)


def test_a_payload_beyond_the_limit_is_refused(serving: Serving, champion: str) -> None:
    with refused("413", "exceeded 26214400 bytes"):
        serving.invoke(champion, b"1" * 26_214_401)


def test_a_large_payload_arrives_whole(serving: Serving, champion: str) -> None:
    body = b"7" * 2_000_000

    assert serving.invoke(champion, body)["Body"]["body"] == body.decode()


@pytest.mark.parametrize(
    ("member", "value"),
    [("EnableExplanations", "true"), ("TargetModel", "m.tar.gz"), ("SessionId", "NEW_SESSION")],
)
def test_what_is_not_emulated_is_refused_by_name(
    serving: Serving, champion: str, member: str, value: str
) -> None:
    with refused("ValidationError", member, "does not emulate"):
        serving.invoke(champion, b"1", **{member: value})


def test_limits_of_the_service_model_hold(serving: Serving, champion: str) -> None:
    with refused("ValidationError", "'InferenceId'", "less than or equal to 64"):
        serving.invoke(champion, InferenceId="i" * 65)


def test_a_named_variant_answers(serving: Serving, pair: str) -> None:
    assert counts(serving, pair, 6, TargetVariant="challenger") == {"challenger": 6}
    with refused("ValidationError", "no production variant other", "champion, challenger"):
        serving.invoke(pair, TargetVariant="other")


def test_shares_follow_the_weights_exactly(serving: Serving, pair: str) -> None:
    assert counts(serving, pair, 40) == {"champion": 20, "challenger": 20}

    described = serving.weigh(pair, champion=0.95, challenger=0.05)

    weights = {item["VariantName"]: item["CurrentWeight"] for item in described["ProductionVariants"]}
    assert weights == {"champion": pytest.approx(0.95), "challenger": pytest.approx(0.05)}
    assert counts(serving, pair, 40) == {"champion": 38, "challenger": 2}

    serving.weigh(pair, champion=0.0)

    assert counts(serving, pair, 10) == {"challenger": 10}

    serving.weigh(pair, champion=1.0, challenger=1.0)


def test_weights_that_leave_no_traffic_are_refused(serving: Serving, pair: str) -> None:
    with refused("ValidationException", "At least one production variant", "greater than 0"):
        serving.weigh(pair, champion=0.0, challenger=0.0)
    with refused("ValidationException", "Could not find variant other", "champion, challenger"):
        serving.weigh(pair, other=1.0)


def test_a_killed_model_server_is_restarted_and_the_request_is_served(serving: Serving) -> None:
    endpoint = serving.endpoint(serving.config_of({"NAME": "mortal"}))
    pid = serving.invoke(endpoint)["Body"]["pid"]

    os.kill(pid, signal.SIGKILL)
    said = serving.invoke(endpoint)["Body"]

    assert said["name"] == "mortal"
    assert said["pid"] != pid
    until(lambda: "exit code -9" in " ".join(log_lines(serving, endpoint)), bool)


def test_a_request_that_kills_the_model_server_fails_alone(serving: Serving) -> None:
    endpoint = serving.endpoint(serving.config_of())

    with refused("ModelError", "Received server error (500)"):
        serving.invoke(endpoint, b"die")

    assert serving.invoke(endpoint)["Body"]["body"] == "1,2"


def test_a_server_that_insists_on_its_port_is_served(serving: Serving) -> None:
    endpoint = serving.endpoint(serving.config_of({"NAME": "strict", "REUSE": "no"}))

    assert serving.invoke(endpoint)["Body"]["name"] == "strict"


def test_instances_share_the_requests(serving: Serving) -> None:
    endpoint = serving.endpoint(serving.config_of({"LATENCY": "0.1"}, InitialInstanceCount=2))

    with ThreadPoolExecutor(4) as pool:
        pids = Counter(
            answer["Body"]["pid"] for answer in pool.map(lambda _: serving.invoke(endpoint), range(8))
        )

    assert len(pids) == 2
    assert serving.describe(endpoint)["ProductionVariants"][0]["CurrentInstanceCount"] == 2


def test_containers_in_series_pass_on_their_answers(serving: Serving) -> None:
    name = serving.name("pipeline")
    containers = [
        {"Image": "tiny-server", "ContainerHostname": hostname, "Environment": {"NAME": hostname}}
        for hostname in ("first", "second")
    ]
    serving.client("sagemaker").create_model(
        ModelName=name, Containers=containers, ExecutionRoleArn="arn:aws:iam::000000000000:role/serving"
    )

    said = serving.invoke(serving.endpoint(serving.config({"ModelName": name})))["Body"]

    assert said["name"] == "second"
    assert '"name": "first"' in said["body"]
    assert said["headers"]["content-type"] == "application/json"


def test_a_named_container_answers_in_direct_mode(serving: Serving) -> None:
    name = serving.name("direct")
    containers = [
        {"Image": "tiny-server", "ContainerHostname": hostname, "Environment": {"NAME": hostname}}
        for hostname in ("first", "second")
    ]
    serving.client("sagemaker").create_model(
        ModelName=name,
        Containers=containers,
        InferenceExecutionConfig={"Mode": "Direct"},
        ExecutionRoleArn="arn:aws:iam::000000000000:role/serving",
    )
    endpoint = serving.endpoint(serving.config({"ModelName": name}))

    assert serving.invoke(endpoint, TargetContainerHostname="first")["Body"]["name"] == "first"
    with refused("ValidationError", "TargetContainerHostname is missing", "first, second"):
        serving.invoke(endpoint)


def test_a_shadow_is_sent_copies_and_never_answers(serving: Serving) -> None:
    variants = {
        name: serving.model({"NAME": name, "LATENCY": latency})
        for name, latency in (("champion", "0"), ("shadow", "0.3"))
    }
    config = serving.config(
        {"VariantName": "champion", "ModelName": variants["champion"]},
        ShadowProductionVariants=[
            {
                "VariantName": "shadow",
                "ModelName": variants["shadow"],
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": 1,
                "InitialVariantWeight": 0.5,
            }
        ],
    )
    endpoint = serving.endpoint(config)

    began = datetime.now(UTC)
    answered = {serving.invoke(endpoint, InferenceId=f"id-{n}")["Body"]["name"] for n in range(6)}
    took = datetime.now(UTC) - began

    assert answered == {"champion"}
    assert took < timedelta(seconds=0.9), "the shadow's 3 x 0.3 s delayed the callers"
    until(lambda: metric_sum(serving, endpoint, "shadow", "Invocations"), lambda total: total == 3)
    assert serving.describe(endpoint)["ShadowProductionVariants"][0]["VariantName"] == "shadow"


def test_metrics_tell_variants_and_errors_apart(serving: Serving) -> None:
    models = {name: serving.model({"NAME": name}) for name in ("good", "bad")}
    endpoint = serving.endpoint(
        serving.config(*({"VariantName": name, "ModelName": model} for name, model in models.items()))
    )
    for _ in range(4):
        serving.invoke(endpoint, TargetVariant="good")
    for status in (b"status:500", b"status:503", b"status:404"):
        with refused("ModelError"):
            serving.invoke(endpoint, status, TargetVariant="bad")

    expected = {
        ("good", "Invocations"): 4,
        ("bad", "Invocations"): 3,
        ("good", "Invocation5XXErrors"): 0,
        ("bad", "Invocation5XXErrors"): 2,
        ("bad", "Invocation4XXErrors"): 1,
        ("bad", "InvocationModelErrors"): 3,
    }
    until(
        lambda: {key: metric_sum(serving, endpoint, *key) for key in expected},
        lambda found: found == expected,
    )
    assert 0 < metric_sum(serving, endpoint, "good", "ModelLatency") < 4e6
    assert 0 < metric_sum(serving, endpoint, "good", "OverheadLatency") < 4e6


def test_the_output_of_model_servers_is_in_cloudwatch_logs(serving: Serving, champion: str) -> None:
    serving.invoke(champion, InferenceId="find-me")

    until(lambda: log_lines(serving, champion), lambda lines: "answering find-me" in lines)


def log_lines(serving: Serving, endpoint: str) -> list[str]:
    logs = serving.client("logs")
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    try:
        events = logs.filter_log_events(logGroupName=group)["events"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [event["message"] for event in events]


def metric_sum(serving: Serving, endpoint: str, variant: str, metric: str) -> float:
    now = datetime.now(UTC)
    points = serving.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName=metric,
        Dimensions=[{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}],
        StartTime=now - timedelta(minutes=10),
        EndTime=now + timedelta(minutes=10),
        Period=3600,
        Statistics=["Sum"],
    )["Datapoints"]
    total: float = sum(point["Sum"] for point in points)
    return total
