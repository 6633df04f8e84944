"""A sandbox in which a placeholder serves, and a release machine beside it."""

import json
from collections.abc import Iterator

import pytest

from headway_cli.aws import Aws
from headway_components import LadderStage, ReleasePlan
from headway_runtime import contract as runtime
from headway_runtime.release.captured import Form
from headway_runtime.release.catalogue import Catalogue
from headway_runtime.release.collector import Collector
from headway_runtime.release.herald import Herald
from headway_runtime.release.machine import ReleaseMachine
from headway_runtime.release.measure import Meter
from headway_runtime.release.observer import Observer
from headway_runtime.release.plan import Plan
from headway_runtime.release.reading import Reader
from headway_runtime.release.records import Base, Records
from headway_runtime.release.settings import Settings
from headway_sandbox import lifecycle
from support.example_system import CONTRACT
from support.release_world import BUCKET, ROLE, World
from support.sandboxes import client, sandbox

CLIENTS = ("sagemaker", "sagemaker-runtime", "s3", "dynamodb", "cloudwatch", "events", "sns")
SHORT = Plan.from_document(
    ReleasePlan(
        shadow=None,
        ladder=[LadderStage(percent=100, samples=1, time_limit_s=60, rule_out_ratio=20)],
        overridden_by=["ada"],
    ).document()
)
"""What a test gets that asks for no stages."""


@pytest.fixture(scope="session")
def record(tmp_path_factory: pytest.TempPathFactory) -> Iterator[lifecycle.SandboxRecord]:
    with sandbox(tmp_path_factory.mktemp("release-sandbox")) as started:
        yield started


@pytest.fixture
def endpoint_url(record: lifecycle.SandboxRecord) -> str:
    return record.endpoint_url


@pytest.fixture
def aws(record: lifecycle.SandboxRecord) -> Aws:
    """The sandbox as the command line reaches it."""
    return Aws(lifecycle.aws_environment(record))


@pytest.fixture
def world(endpoint_url: str, request: pytest.FixtureRequest) -> Iterator[World]:
    digest = runtime.digest(request.node.name).removeprefix("sha256:")
    prefix = f"t{digest[:8]}-local"
    settings = Settings(
        system=prefix.removesuffix("-local"),
        prefix=prefix,
        endpoint=prefix,
        role_arn=ROLE,
        group=prefix,
        table=f"records-{digest[:8]}",
        release_plan_parameter=f"/headway/{prefix}/release-plan",
        form=json.dumps({"inputs": [field.name for field in CONTRACT.inputs], "output": "probability"}),
        metrics_period_s="1",
        data_bucket=BUCKET,
        audit_bucket=BUCKET,
        topic_arn="",
        keep_versions="false",
        poll_s="1",
        switch="",
    )
    clients = {name: client(endpoint_url, name) for name in CLIENTS}
    if BUCKET not in [bucket["Name"] for bucket in clients["s3"].list_buckets()["Buckets"]]:
        clients["s3"].create_bucket(Bucket=BUCKET)
    clients["dynamodb"].create_table(
        TableName=settings.table,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "system", "KeyType": "HASH"},
            {"AttributeName": "release_id", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "system", "AttributeType": "S"},
            {"AttributeName": "release_id", "AttributeType": "S"},
        ],
    )
    clients["sagemaker"].create_model_package_group(ModelPackageGroupName=settings.group)
    catalogue = Catalogue(clients["sagemaker"])
    records = Records(clients["dynamodb"], settings.table, settings.system)
    herald = Herald(settings, clients["events"], clients["sns"], clients["s3"])
    made = World(
        clients=clients.__getitem__,
        settings=settings,
        catalogue=catalogue,
        records=records,
        machine=ReleaseMachine(
            settings,
            plan=lambda: made.plan,
            catalogue=catalogue,
            records=records,
            observer=Observer(
                meter=Meter(clients["cloudwatch"], settings.endpoint),
                captures=lambda _: f"s3://{BUCKET}/captured/{settings.endpoint}",
                reader=Reader(clients["s3"], Form(**json.loads(settings.form))),
                labels=f"s3://{BUCKET}/{prefix}",
                period_s=1,
                keep=herald.keep,
            ),
            tell=herald.tell,
            has_ended=lambda release: release.execution in made.ended,
        ),
        collector=Collector(settings, catalogue, records),
        base=Base(config="", contract_digest=CONTRACT.digest()),
        plan=SHORT,
    )
    made.base = Base(config=made.config("first"), contract_digest=CONTRACT.digest())
    assert made.machine.declare(made.base) is None
    clients["sagemaker"].create_endpoint(EndpointName=settings.endpoint, EndpointConfigName=made.base.config)
    made.wait_in_service()
    yield made
    if catalogue.endpoint(settings.endpoint) is not None:
        made.wait_in_service()
        clients["sagemaker"].delete_endpoint(EndpointName=settings.endpoint)
