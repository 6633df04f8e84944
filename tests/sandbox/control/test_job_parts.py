"""The small parts that jobs are made of: images, places in S3, metrics, archives, events."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

from headway_sandbox.sagemaker.events import event_detail
from headway_sandbox.sagemaker.images import ImageError, ImageTable, repository_name
from headway_sandbox.sagemaker.jobs.container import local_path, pack
from headway_sandbox.sagemaker.jobs.metrics import MetricScanner
from headway_sandbox.sagemaker.s3_files import S3FileError, S3Location, relative_path


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("headway-runtime", "headway-runtime"),
        ("headway-runtime:1.2", "headway-runtime"),
        ("headway-runtime@sha256:00", "headway-runtime"),
        ("localhost:5000/team/headway-runtime:1@sha256:00", "headway-runtime"),
        ("123456789012.dkr.ecr.us-east-1.amazonaws.com/headway-runtime", "headway-runtime"),
    ],
)
def test_an_image_is_known_by_its_repository(tmp_path: Path, image: str, name: str) -> None:
    table = ImageTable.load(tmp_path / "images.toml", python="/venv/python")

    assert repository_name(image) == name
    assert table.command(image, ["train"]) == ["/venv/python", "-m", "headway_runtime", "train"]


def test_the_table_of_images_is_extended_and_entry_points_replace_it(tmp_path: Path) -> None:
    path = tmp_path / "images.toml"
    path.write_text('[images]\nmine = ["{python}", "-u", "serve.py"]\n')
    table = ImageTable.load(path, python="/venv/python")

    assert table.command("team/mine:2", ["serve"]) == ["/venv/python", "-u", "serve.py", "serve"]
    assert table.command("unknown", ["a"], ["python3", "x.py"]) == ["/venv/python", "x.py", "a"]
    assert table.command("unknown", [], ["/bin/sh", "-c", "true"]) == ["/bin/sh", "-c", "true"]
    with pytest.raises(ImageError, match=r"registry/unknown:1 is not known.*headway-runtime, .*mine, "):
        table.command("registry/unknown:1", [])


@pytest.mark.parametrize(
    ("text", "problem"),
    [("[images", "cannot be read"), ("a = 1", "no section"), ("[images]\na = 'b'\nc = []", "a = 'b'; c = ")],
)
def test_a_table_of_images_that_is_none_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "images.toml"
    path.write_text(text)

    with pytest.raises(ImageError, match=problem):
        ImageTable.load(path)


@pytest.mark.parametrize(
    ("key", "prefix", "path"),
    [
        ("data/train/part-0.csv", "data/train", "part-0.csv"),
        ("data/train/part-0.csv", "data/train/", "part-0.csv"),
        ("data/train/a/b.csv", "data/train", "a/b.csv"),
        ("data/train.csv", "data/train.csv", "train.csv"),
        ("data/train-2.csv", "data/train", "train-2.csv"),
        ("train.csv", "", "train.csv"),
        ("a/b.csv", "", "a/b.csv"),
        ("ab/c", "a", "ab/c"),
    ],
)
def test_objects_lie_where_sagemaker_puts_them(key: str, prefix: str, path: str) -> None:
    assert relative_path(key, prefix) == path


def test_locations_are_read_and_extended() -> None:
    assert str(S3Location.parse("s3://bucket/a/b/").child("c", "d")) == "s3://bucket/a/b/c/d"
    assert str(S3Location.parse("s3://bucket").child("c")) == "s3://bucket/c"
    for text in ("bucket/a", "https://bucket/a", "s3:///a"):
        with pytest.raises(S3FileError, match="is not an S3 URI"):
            S3Location.parse(text)


def test_metrics_are_found_in_lines() -> None:
    now = iter(range(100))
    scanner = MetricScanner(
        [{"Name": "loss", "Regex": r"loss=([0-9.einf-]+)"}, {"Name": "auc", "Regex": "auc=([0-9.]+)"}],
        lambda: float(next(now)),
    )

    for line in ("loss=0.5 auc=0.7", "nothing", "loss=1e-3", "loss=inf", "loss=1-2"):
        scanner.scan(line)

    assert {item["MetricName"]: item["Value"] for item in scanner.final()} == {"loss": 0.001, "auc": 0.7}
    assert [item["Value"] for item in scanner.take("job")] == [0.5, 0.7, 0.001]
    assert scanner.take("job") == []


def test_metric_definitions_that_are_none_are_all_named() -> None:
    definitions = [{"Name": "a", "Regex": "("}, {"Name": "b", "Regex": "x"}, {"Name": "c", "Regex": "(x)"}]

    with pytest.raises(ValueError, match=r"a: '\('.*; b: 'x' \(it captures no group\)$"):
        MetricScanner(definitions, lambda: 0.0)


def test_paths_of_a_container_stay_in_its_directory(tmp_path: Path) -> None:
    assert local_path(tmp_path, "/opt/ml/processing/input/data") == tmp_path / "processing/input/data"
    for path in ("/opt/ml/../../etc", "/etc/passwd", "relative"):
        with pytest.raises(ValueError, match="is not below /opt/ml"):
            local_path(tmp_path, path)


def test_an_archive_depends_on_content_alone(tmp_path: Path) -> None:
    archives = []
    for number in range(2):
        directory = tmp_path / f"model-{number}"
        (directory / "nested").mkdir(parents=True)
        for name in ("b", "nested/c", "a")[:: 1 if number else -1]:
            (directory / name).write_text(name)
            os.utime(directory / name, (number, number))
        archives.append(tmp_path / f"{number}.tar.gz")
        pack([directory], archives[-1])

    assert archives[0].read_bytes() == archives[1].read_bytes()
    with tarfile.open(archives[0]) as archive:
        assert archive.getnames() == ["a", "b", "nested", "nested/c"]


def test_events_carry_times_in_milliseconds_and_tags_as_a_map() -> None:
    document = {
        "CreationTime": 1.5,
        "TrainingTimeInSeconds": 7,
        "SecondaryStatusTransitions": [{"Status": "Starting", "StartTime": 2.25}],
        "FinalMetricDataList": [{"Value": 0.5, "Timestamp": 3.0}],
    }

    assert event_detail(document, [{"Key": "a", "Value": "b"}]) == {
        "CreationTime": 1500,
        "TrainingTimeInSeconds": 7,
        "SecondaryStatusTransitions": [{"Status": "Starting", "StartTime": 2250}],
        "FinalMetricDataList": [{"Value": 0.5, "Timestamp": 3000}],
        "Tags": {"a": "b"},
    }
