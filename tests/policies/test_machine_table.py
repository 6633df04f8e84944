"""The table of machines says what the sources say that it was made of.

Write it anew after a newer cfn-lint or botocore, and review the difference:
HEADWAY_GOLDEN=write pytest tests/policies/test_machine_table.py
"""

import importlib.metadata
import importlib.util
import json
import os
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from headway_policies.subjects.machines import TABLE, Use, is_known, offered_instead, regions_of

_SHAPES = {
    Use.HOSTING: "ProductionVariantInstanceType",
    Use.PROCESSING: "ProcessingInstanceType",
    Use.TRANSFORM: "TransformInstanceType",
    Use.TRAINING: "TrainingInstanceType",
}


def _regions_by_type(use: Use) -> dict[str, set[str]]:
    spec = importlib.util.find_spec("cfnlint")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / f"data/schemas/extensions/aws_sagemaker_{use.value}"
    path = folder / "instancetype_enum.json"
    found: dict[str, set[str]] = defaultdict(set)
    for region, listed in json.loads(path.read_text("utf-8")).items() if path.is_file() else ():
        for type_ in listed["enum"] if isinstance(listed, dict) else ():
            found[type_].add(region)
    return found


def _grouped(by_type: dict[str, set[str]]) -> list[dict[str, list[str]]]:
    groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for type_, regions in sorted(by_type.items()):
        groups[tuple(sorted(regions))].append(type_)
    return [{"types": types, "regions": list(regions)} for regions, types in sorted(groups.items(), key=str)]


def _table() -> dict[str, Any]:
    model = botocore.session.Session().get_service_model("sagemaker")
    by_use = {use: _regions_by_type(use) for use in Use}
    versions = {name: importlib.metadata.version(name) for name in ("cfn-lint", "botocore")}
    return {
        "source": (
            f"where: cfn-lint {versions['cfn-lint']} (MIT-0), data/schemas/extensions/aws_sagemaker_*; "
            f"what there is: SageMaker's service model in botocore {versions['botocore']} (Apache-2.0)"
        ),
        "uses": {
            use.value: {
                "offered": _grouped(by_use[use]),
                "somewhere": sorted(set(model.shape_for(_SHAPES[use]).enum) - by_use[use].keys()),
            }
            for use in Use
        },
    }


def _text(table: dict[str, Any]) -> str:
    # A line for each group of machines, so that a difference shows what came and went.
    uses = ",\n".join(
        f'{json.dumps(name)}: {{"offered": [\n'
        + ",\n".join(map(json.dumps, use["offered"]))
        + f'],\n"somewhere": {json.dumps(use["somewhere"])}}}'
        for name, use in table["uses"].items()
    )
    head = ",\n".join(f"{json.dumps(name)}: {json.dumps(table[name])}" for name in ("source", "date"))
    return f'{{{head},\n"uses": {{\n{uses}\n}}}}\n'


def test_the_table_is_what_its_sources_say() -> None:
    table = _table()
    if os.environ.get("HEADWAY_GOLDEN") == "write":
        day = datetime.now(UTC).date().isoformat()
        TABLE.write_text(_text({"source": table["source"], "date": day, "uses": table["uses"]}), "utf-8")
    kept = json.loads(TABLE.read_text("utf-8"))

    assert {name: kept[name] for name in ("source", "uses")} == table
    assert kept["date"]


@pytest.mark.parametrize(
    ("use", "type_", "there", "not_there"),
    [
        (Use.HOSTING, "ml.m5.large", "eu-central-1", "nowhere-1"),
        (Use.HOSTING, "ml.g5.2xlarge", "us-east-1", "us-west-1"),
        (Use.PROCESSING, "ml.m5.xlarge", "us-east-1", "us-iso-east-1"),
    ],
)
def test_where_a_machine_is_offered(use: Use, type_: str, there: str, not_there: str) -> None:
    assert there in regions_of(use, type_)
    assert not_there not in regions_of(use, type_)


def test_training_is_known_by_type_only() -> None:
    assert is_known(Use.TRAINING, "ml.p5.48xlarge")
    assert not is_known(Use.TRAINING, "ml.p5.huge")
    assert regions_of(Use.TRAINING, "ml.p5.48xlarge") == frozenset()


def test_what_is_offered_instead_is_offered_there_and_alike() -> None:
    instead = offered_instead(Use.HOSTING, "ml.g5.2xlarge", "us-west-1")

    assert instead
    assert all("us-west-1" in regions_of(Use.HOSTING, item) and item.startswith("ml.g") for item in instead)
