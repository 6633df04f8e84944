"""The review queue on a sandbox: unsure answers, people at the same time, labels that go back."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from headway_cli.aws import Aws
from headway_cli.errors import HeadwayError
from headway_cli.reviewing import item_text, list_text, reviewing, shown_inputs, turn
from headway_cli.systems import System
from headway_components.review_queue import CODE, HANDLER, NAMESPACE
from headway_runtime.monitor.labels import read_labels
from headway_runtime.review import collecting
from headway_sandbox import lifecycle
from support.captured_lines import captured_line
from support.functions import function_zip
from support.sandboxes import sandbox

ROLE = "arn:aws:iam::000000000000:role/any"
PLACE = "shop-local"
NOW = datetime.now(UTC)
RETENTION_S = 3_600


def line(number: int, answer: float, at: datetime = NOW) -> str:
    """A captured request with a person's name in it."""
    return captured_line(
        f"{number},Secret{number}",
        str(answer),
        event=f"e{number}",
        inference_id=f"i{number}",
        at=at.isoformat().replace("+00:00", "Z"),
    )


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with sandbox(tmp_path_factory.mktemp("review-sandbox")) as record:
        yield Aws(lifecycle.aws_environment(record))


@pytest.fixture(scope="module")
def system(aws: Aws) -> System:
    """A system whose endpoint answered eleven requests, seven of them unsurely."""
    for bucket in ("capture", "artifacts"):
        aws.client("s3").create_bucket(Bucket=bucket)
    aws.client("dynamodb").create_table(
        TableName="answers",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "review_id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "review_id", "AttributeType": "S"}],
    )
    settings = {
        "SYSTEM": "shop",
        "ENDPOINT": PLACE,
        "VARIANT": "champion",
        "CAPTURE_URI": f"s3://capture/{PLACE}",
        "FORM": json.dumps({"inputs": ["amount", "name"], "output": "probability"}),
        "TABLE": "answers",
        "LABEL_BUCKET": "artifacts",
        "LABEL_PREFIX": f"monitoring/{PLACE}/labels",
        "MINIMUM_CONFIDENCE": "0.6",
        "DOUBLE_SHARE": "1.0",
        "MAXIMUM_A_DAY": "6",
        "RETENTION_S": str(RETENTION_S),
        "LOOK_BACK_S": "60",
        "PERSONAL": '["name"]',
    }
    aws.client("lambda").create_function(
        FunctionName="review",
        Runtime="python3.12",
        Handler=HANDLER,
        Role=ROLE,
        Timeout=60,
        Code={"ZipFile": function_zip(*CODE)},
        Environment={"Variables": {f"HEADWAY_{name}": value for name, value in settings.items()}},
    )
    lines = [line(number, 0.95) for number in range(4)]
    lines += [line(number, 0.5 + number / 1_000) for number in range(10, 17)]
    aws.client("s3").put_object(
        Bucket="capture",
        Key=f"{PLACE}/{PLACE}/champion/{NOW:%Y/%m/%d/%H}/1.jsonl",
        Body="\n".join(lines).encode(),
    )
    return System(
        name="shop",
        endpoint_name=PLACE,
        base_endpoint_config_name=PLACE,
        contract_digest="",
        review={"table_name": "answers", "function_name": "review", "lease_s": 600},
    )


def test_unsure_answers_reach_people_and_their_labels_come_back(
    aws: Aws, system: System, tmp_path: Path
) -> None:
    first, again = turn(aws, system), turn(aws, system)
    people = reviewing(aws, system)
    waiting = people.waiting()

    assert (first["added"], first["left_out"], again["added"]) == (6, 1, 0)
    assert [round(item.answer, 3) for item in waiting] == [0.51, 0.511, 0.512, 0.513, 0.514, 0.515]
    listed = list_text(waiting, people.clock())
    assert "Secret" not in listed
    assert "amount=10, name=(personal data)" in listed
    least, *others = waiting
    assert "Secret10" not in item_text(least, people.clock(), personal_data=False)
    assert shown_inputs(least, personal_data=True) == {"amount": "10", "name": "Secret10"}

    # Two are wanted, so two of four people who come at once get it, and the others are told.
    def take(name: str) -> str:
        try:
            return str(people.take(least.review_id, name).review_id)
        except HeadwayError as error:
            return str(error)

    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(take, ("ann", "bob", "eve", "joe")))
    with_whom = people.item(least.review_id).with_whom(people.clock())
    assert said.count(least.review_id) == len(with_whom) == 2
    assert sum("take another one, or wait" in text for text in said) == 2

    for name in with_whom:
        people.label(least.review_id, name, 1)
    for number, item in enumerate(others):
        people.label(item.review_id, "ann", number % 2)
        people.label(item.review_id, "bob", number % 2 if number else 1)
    assert people.item(others[0].review_id).wanted == 3  # ann and bob disagree
    with pytest.raises(HeadwayError, match="is decided with 1; nothing is left to do"):
        people.label(least.review_id, "zoe", 0)

    back = turn(aws, system)
    stored = aws.client("s3").list_objects_v2(Bucket="artifacts", Prefix=f"monitoring/{PLACE}/labels/review/")
    bodies = [
        aws.client("s3").get_object(Bucket="artifacts", Key=found["Key"])["Body"].read()
        for found in stored["Contents"]
    ]

    assert (back["returned"], back["waiting"], turn(aws, system)["returned"]) == (5, 1, 0)
    assert "two reviewers agree with kappa" in back["sentence"]
    assert back["agreement"]["pairs"] == 6
    labels = _read(bodies, tmp_path)
    assert labels["i10"] == 1
    assert set(labels) == {f"i{number}" for number in (10, 12, 13, 14, 15)}
    metrics = aws.client("cloudwatch").list_metrics(Namespace=NAMESPACE)["Metrics"]
    assert {"Waiting", "Kappa", "KappaLow", "KappaHigh", "Expired"} <= {
        item["MetricName"] for item in metrics
    }


def _read(bodies: list[bytes], place: Path) -> dict[str, int]:
    path = place / "labels.jsonl"
    path.write_bytes(b"".join(bodies))
    return {label.id: label.value for label in read_labels([path]).labels}


def test_what_is_not_there_is_said_so(aws: Aws, system: System) -> None:
    people = reviewing(aws, system)
    with pytest.raises(HeadwayError, match="there is no answer 'r9' in review"):
        people.label("r9", "ann", 1)
    without = System(name="shop", endpoint_name="x", base_endpoint_config_name="x", contract_digest="")
    with pytest.raises(HeadwayError, match=r"shop has no review queue; declare review=ReviewPlan"):
        reviewing(aws, without)


def test_stack_and_function_speak_of_the_same() -> None:
    assert collecting.NAMESPACE == NAMESPACE
