"""A training job: a script that the image of AWS's Python runs in script mode."""

from __future__ import annotations

import base64
import gzip
import io
import tarfile
from typing import Any

from support.round_trip.case import Case
from support.round_trip.documents import joined
from support.round_trip.learning import S, untag

PYTHON = "000000000000.dkr.ecr.us-east-1.amazonaws.com/sagemaker-base-python-310:1.0"


def _script() -> str:
    """A training script as script mode takes it: the same bytes each time, as the program runs often."""
    code = b"import os, pathlib\npathlib.Path(os.environ['SM_MODEL_DIR'], 'weights').write_text('1')\n"
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo("train.py")
        entry.size = len(code)
        tar.addfile(entry, io.BytesIO(code))
    return base64.b64encode(gzip.compress(archive.getvalue(), mtime=0)).decode()


def _training(made: Any, **hyper_parameters: str) -> dict[str, Any]:
    return {
        "training_job_name": "trained",
        "role_arn": made.learner.arn,
        "algorithm_specification": {"training_image": PYTHON, "training_input_mode": "File"},
        "hyper_parameters": {
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": joined("s3://", made.learned.bucket, "/", made.script.key),
            **hyper_parameters,
        },
        "output_data_config": {"s3_output_path": joined("s3://", made.learned.bucket, "/trained")},
        "resource_config": {"instance_count": 1, "instance_type": "ml.m5.large", "volume_size_in_gb": 1},
        "stopping_condition": {"max_runtime_in_seconds": 60},
    }


CASES = (
    Case(
        "script",
        "aws:s3/bucketObjectv2:BucketObjectv2",
        lambda made: {"bucket": made.learned.id, "key": "sourcedir.tar.gz", "content_base64": _script()},
    ),
    Case(
        "trained",
        f"{S}trainingJob:TrainingJob",
        lambda made: {**_training(made), "tags": {"n": "1", "gone": "1"}},
        changed=lambda _: {"tags": {"n": "2"}},
        replaced=lambda made: _training(made, rate="2"),
        outside=untag("arn"),
    ),
)
