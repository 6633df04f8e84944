"""A person out of a real sandbox: every store, every version, and nobody else's rows."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from headway_cli import erasing
from headway_cli.aws import Aws
from headway_cli.erasing import Erased, Target, erase, look, order_of, subject_of
from headway_cli.erasing_text import document_of, text_of
from headway_cli.errors import WrongUseError
from headway_components import feature_store
from headway_runtime.data.manifest import dataset_version, file_digest
from headway_runtime.erasure.files import Files
from headway_runtime.erasure.objects import Objects
from headway_runtime.erasure.parquet_rows import cut_parquet
from headway_runtime.erasure.places import Place
from headway_runtime.erasure.signs import Sign
from headway_runtime.features.control.steps import REPORT_FILE
from headway_runtime.monitor.labels import read_labels
from headway_runtime.monitor.ledger import read_ledger
from headway_sandbox import lifecycle
from support.erased_shop import DAY, PREFIX, Shop, parquet

RUN = f"{PREFIX}/executions/e1"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    state_dir = tmp_path_factory.mktemp("erasure-sandbox")
    url = lifecycle.start(state_dir, 0, enforce_iam=True).endpoint_url
    variables = {"AWS_ENDPOINT_URL": url, "AWS_REGION": "us-east-1"}
    aws = Aws({**variables, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"})
    yield Shop(aws, tmp_path_factory.mktemp("program"))
    lifecycle.stop(state_dir)
    log = (state_dir / "sandbox.log").read_text()
    assert "Traceback" not in log, log


def erased(shop: Shop, *, keep: str | None = None, unreadable: bool = False, aws: Any = None) -> Erased:
    subject = subject_of(shop.system, ["customer=c-1"])
    order = order_of(shop.system, subject, "ticket 4711", keep, delete_unreadable=unreadable)
    target = Target(shop.aws if aws is None else aws, shop.system, shop.program)
    return erase(target, subject, order, lambda _: None)


class Killed(BaseException):
    """What no code catches, as nobody catches a kill."""


class Mortal:
    """Clients that die at a write: before it is done, or after.

    Args:
        aws: The clients.
        lives: Writes that are done before.
    """

    def __init__(self, aws: Aws, lives: int) -> None:
        self._aws, self._lives = aws, lives

    def assuming(self, role_arn: str, session: str) -> "Mortal":
        mortal = Mortal(self._aws.assuming(role_arn, session), 0)
        mortal.write = self.write  # type: ignore[method-assign]
        return mortal

    def client(self, service: str) -> Any:
        return _MortalClient(self, self._aws.client(service))

    def write(self) -> None:
        if self._lives == 0:
            raise Killed
        self._lives -= 1


class _MortalClient:
    def __init__(self, mortal: Mortal, client: Any) -> None:
        self._mortal, self._client = mortal, client

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if not name.startswith(("put_object", "delete_")):
            return found

        def write(**request: Any) -> Any:
            self._mortal.write()
            return found(**request)

        return write


def test_a_person_goes_from_everywhere_however_often_the_run_is_killed(shop: Shop, tmp_path: Path) -> None:
    shop.fill()
    told = ("labels/1.jsonl", "w0/report/ledger.parquet", REPORT_FILE, "receipt.json", "manifest.json")
    before = {
        name: body for name, body in shop.everything() if b"c-1" not in body and not name.endswith(told)
    }
    seen = look(Target(shop.aws, shop.system, shop.program), subject_of(shop.system, ["customer=c-1"]))
    held = shop.holding("c-1")

    assert shop.online("c-1")
    assert len(held) > 15
    rows = {item.place: (item.rows, item.versions) for item in seen.outcome.found}
    assert rows == {
        "online store of customers-v1": (1, 0),
        "offline store of customers-v1": (2, 0),
        "landing": (3, 1),
        "set aside": (4, 0),
        "quarantine": (4, 0),
        "dataset versions": (2, 0),
        "labels": (2, 0),
        "reports on skew": (2, 0),
        "monitor": (3, 0),
        "review queue": (1, 0),
        "captured traffic": (3, 0),
    }
    assert "nothing was changed; erase with --yes" in text_of(seen, ["customer"])

    for lives in range(1, 100):
        try:
            done = erased(shop, aws=Mortal(shop.aws, lives * 3))
            break
        except Killed:
            continue
    assert lives > 2

    # The order that is only called like the person is somebody else's.
    assert shop.holding("c-1") == [f"data/{PREFIX}/landing/orders/4.csv"]
    assert done.outcome.is_gone
    assert done.outcome.left == [] or all(not item.needs_person for item in done.outcome.left)
    assert not shop.online("c-1")
    assert shop.online("c-2")
    after = dict(shop.everything())
    assert {name: after[name] for name in before} == before
    _others_are_whole(shop, tmp_path)
    _records_name_nobody(shop, done)


def _others_are_whole(shop: Shop, tmp_path: Path) -> None:
    landing = f"{PREFIX}/landing/orders"
    assert [(row["customer"], row["age_y"]) for row in shop.history()] == [("c-2", 31), ("c-3", 33)]
    assert shop.get("data", f"{landing}/1.csv") == b'id,buyer,amount\r\no2,"c-2","6,0"\r\n'
    assert [
        row["buyer"] for row in shop.table("data", f"{RUN}/dataset/orders/month=2026-01/part-0.parquet")
    ] == ["c-2"]
    assert shop.table("data", f"{RUN}/train/train.parquet") == [
        {"customer": "c-3", "amount": 7.0, "label": 1}
    ]
    manifest = json.loads(shop.get("data", f"{RUN}/dataset/manifest.json"))
    assert manifest["dataset_version"] == dataset_version(manifest["tables"]) != manifest["erased_from"]
    assert manifest["tables"]["orders"]["rows"] == 1
    receipt = json.loads(shop.get("data", f"{PREFIX}/quarantine/e1/receipt.json"))
    for name, digest in receipt["files"].items():
        path = tmp_path / "kept"
        path.write_bytes(shop.get("data", f"{PREFIX}/quarantine/e1/{name}"))
        assert file_digest(path) == digest, name
    page = shop.get("data", f"{PREFIX}/quarantine/e1/quality.html").decode()
    assert "buyer = &#x27;c-2&#x27;" in page
    lines = shop.get("capture", f"{PREFIX}/{PREFIX}/champion/{DAY}/12/1.jsonl").splitlines()
    assert lines[-1] == b"{broken c-2"
    shared = json.loads(lines[0])
    assert shared["captureData"]["endpointInput"]["data"] == "c-2,6\nc-3,8\n"
    assert shared["captureData"]["endpointOutput"]["data"] == "0.1\n0.3\n"
    assert shared["eventMetadata"]["erasedRows"] == [1]
    (tmp_path / "labels.jsonl").write_bytes(shop.get("artifacts", f"monitoring/{PREFIX}/labels/1.jsonl"))
    labels = read_labels([tmp_path / "labels.jsonl"]).labels
    assert [(item.id, item.place, item.value) for item in labels] == [
        ("r2", 0, 0),
        ("r2", 2, 1),
        ("r3", 0, 1),
    ]
    path = tmp_path / "ledger.parquet"
    path.write_bytes(shop.get("artifacts", f"monitoring/{PREFIX}/runs/w1/report/ledger.parquet"))
    ledger = read_ledger(path)
    skew = json.loads(shop.get("artifacts", f"skew/{PREFIX}/runs/s1/report/{REPORT_FILE}"))
    assert [item["id"] for item in skew["features"]["amount"]["examples"]] == ["r3"]
    assert shop.table("artifacts", f"monitoring/{PREFIX}/runs/w0/report/ledger.parquet") == []
    waits = ledger.resting.table.to_pylist()
    assert sorted((row["id"], row["place"]) for row in waits) == [("r2", 0), ("r2", 2)]
    assert [item.label.entity for item in ledger.waiting] == ['{"customer":"c-2"}']


def _records_name_nobody(shop: Shop, done: Erased) -> None:
    listed = shop.aws.client("s3").list_objects_v2(Bucket="audit")["Contents"]
    records = [json.loads(shop.get("audit", item["Key"])) for item in listed]
    assert {record["subject_hash"] for record in records} == {records[0]["subject_hash"]}
    assert [record["stage"] for record in records].count("done") == 1
    assert {record["asked_by"] for record in records} == {"ticket 4711"}
    assert "c-1" not in json.dumps([*records, document_of(shop.system, done)]) + text_of(done, ["customer"])


def test_a_second_run_finds_nothing_and_changes_nothing(shop: Shop) -> None:
    before = sorted(name for name, _ in shop.everything() if not name.startswith("audit/"))

    done = erased(shop)

    assert (done.outcome.rows, done.outcome.versions, done.outcome.is_gone) == (0, 0, True)
    assert "nothing was held by this customer" in text_of(done, ["customer"])
    assert before == sorted(name for name, _ in shop.everything() if not name.startswith("audit/"))


def test_what_may_not_be_deleted_stays_and_is_named(shop: Shop) -> None:
    s3 = shop.aws.client("s3")
    key = f"{PREFIX}/{PREFIX}/champion/{DAY}/13/c-1.jsonl"
    end = datetime.now(UTC) + timedelta(days=3)
    line = (
        b'{"captureData":{"endpointInput":{"observedContentType":"application/json","data":'
        b'"{\\"customer\\":\\"c-1\\",\\"amount\\":1}","encoding":"JSON"}},'
        b'"eventMetadata":{"eventId":"e9","inferenceTime":"2026-01-05T13:00:00Z"},"eventVersion":"0"}\n'
    )
    s3.put_object(
        Bucket="capture", Key=key, Body=line, ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=end
    )
    shop.put("data", f"{PREFIX}/landing/orders/bad.csv.gz", b"no gzip")
    shop.put("data", f"{PREFIX}/landing/orders/wrong.csv", "name,amount\nc-1,3\n")
    shop.put("data", f"{PREFIX}/executions/e1/train/more.parquet", parquet({"customer": ["c-1"]}))

    done = erased(shop, keep="GDPR article 17(3)(e), claim 4711")

    said = [(item.where.rpartition("/")[2], item.why) for item in done.outcome.left if item.needs_person]
    locked = next(item for item in done.outcome.left if "compliance" in item.why)
    assert sorted(name for name, _ in said) == ["(erased).jsonl", "bad.csv.gz", "wrong.csv"]
    assert "object lock in compliance mode keeps a version of it" in dict(said)["(erased).jsonl"]
    assert locked.until is not None
    assert abs(locked.until - end) < timedelta(seconds=1)
    assert "no column says that it is the key" in dict(said)["wrong.csv"]
    # Readers do not get what is locked, and nothing else has gone.
    assert key not in [item["Key"] for item in s3.list_objects_v2(Bucket="capture")["Contents"]]
    assert shop.table("data", f"{PREFIX}/executions/e1/train/more.parquet") == [{"customer": "c-1"}]
    assert text_of(done, ["customer"]).count("kept: GDPR article 17(3)(e), claim 4711") == 1
    assert done.outcome.is_gone

    again = erased(shop, unreadable=True)

    assert sorted(shop.holding("c-1")) == [
        f"capture/{key}",
        f"data/{PREFIX}/landing/orders/4.csv",
    ]
    assert again.outcome.datasets[0]["execution"] == "e1"


def test_what_a_training_uses_is_left_until_it_has_ended(shop: Shop, tmp_path: Path) -> None:
    shop.put("data", f"{PREFIX}/executions/e2/train/train.parquet", parquet({"customer": ["c-1", "c-2"]}))
    subject = subject_of(shop.system, ["customer=c-1"])
    place = Place(
        "dataset versions",
        "data",
        f"{PREFIX}/executions/",
        lambda _: partial(cut_parquet, signs=[Sign.named({"customer": "c-1"})]),
        stays=True,
        digests="manifest.json",
    )
    s3 = shop.aws.client("s3")
    files = Files(Objects(lambda *_: s3, lambda: datetime.now(UTC)), subject, b"", tmp_path, running={"e2"})

    left = files.visit(replace(place, prefix=f"{PREFIX}/executions/e2/"), erase=False)
    waits = files.visit(place, erase=True).left

    assert left.rows == 1
    assert [(item.where, item.why.partition(";")[0]) for item in waits] == [
        (f"dataset versions: s3://data/{PREFIX}/executions/e2/", "a training uses it")
    ]
    assert len(shop.table("data", f"{PREFIX}/executions/e2/train/train.parquet")) == 2


def test_versions_without_an_id_of_their_own_go_too(shop: Shop) -> None:
    """Buckets that keep no versions, and objects that are older than the keeping of versions."""
    s3 = shop.aws.client("s3")
    s3.create_bucket(Bucket="plain")
    system = replace(shop.system, data_bucket="plain")
    target = Target(shop.aws, system, shop.program)
    subject = subject_of(system, ["customer=c-1"])
    order = order_of(system, subject, "ticket 4711", None, delete_unreadable=False)
    for name, rows in (("kept", "o1,c-1\no2,c-2\n"), ("gone", "o1,c-1\n"), ("old", "o1,c-1\n")):
        shop.put("plain", f"{PREFIX}/landing/orders/{name}.csv", f"id,buyer\n{rows}")

    def stored() -> list[tuple[str, bytes]]:
        listed = s3.list_object_versions(Bucket="plain").get("Versions", [])
        where = [{"Bucket": "plain", "Key": item["Key"], "VersionId": item["VersionId"]} for item in listed]
        return [(item["Key"][-8:], s3.get_object(**item)["Body"].read()) for item in where]

    first = erase(target, subject, order, lambda _: None).outcome
    assert (first.is_gone, first.rows, stored()) == (True, 3, [("kept.csv", b"id,buyer\no2,c-2\n")])

    shop.put("plain", f"{PREFIX}/landing/orders/kept.csv", "id,buyer\no1,c-1\no2,c-2\n")
    s3.put_bucket_versioning(Bucket="plain", VersioningConfiguration={"Status": "Enabled"})
    shop.put("plain", f"{PREFIX}/landing/orders/kept.csv", "id,buyer\no3,c-1\no4,c-3\n")

    second = erase(target, subject, order, lambda _: None).outcome
    landed = next(item for item in second.found if item.place == "landing")
    assert (second.is_gone, landed.rows, landed.versions) == (True, 1, 1)
    assert stored() == [("kept.csv", b"id,buyer\no4,c-3\n")]


def test_the_store_is_erased_by_its_own_role_alone(shop: Shop) -> None:
    shop.record("c-1", 50, 1_767_571_300.0)
    iam = shop.aws.client("iam")
    policy = iam.get_role_policy(RoleName="eraser", PolicyName="erase")["PolicyDocument"]
    iam.delete_role_policy(RoleName="eraser", PolicyName="erase")

    with pytest.raises(ClientError, match="AccessDenied"):
        erased(shop)
    assert shop.online("c-1")

    iam.put_role_policy(RoleName="eraser", PolicyName="erase", PolicyDocument=json.dumps(policy))
    assert erased(shop).outcome.rows > 0
    assert not shop.online("c-1")
    assert erasing.ERASE_SESSION == feature_store.ERASE_SESSION


def test_wrong_words_are_told_without_the_value(shop: Shop) -> None:
    for words, said in (
        (["customer"], "a subject is written as KEY=VALUE"),
        (["buyer=c-1"], "'buyer' is the key of no feature contract; there is customer, order"),
        (["customer=c-1", "customer=c-2"], "customer has two values; erase one subject after the other"),
        ([], "no subject is given"),
    ):
        with pytest.raises(WrongUseError, match=said) as raised:
            subject_of(shop.system, words)
        assert "c-1" not in str(raised.value)
    subject = subject_of(shop.system, ["customer=c-1"])
    with pytest.raises(WrongUseError, match="--asked-by names the subject"):
        order_of(shop.system, subject, "customer c-1", None, delete_unreadable=False)
