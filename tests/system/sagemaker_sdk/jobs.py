"""Plain SageMaker SDK code: a framework processor on two hosts, and estimators with the SDK's own waiting.

Run as a script with the standard AWS environment variables, and BUCKET and ROLE.
"""

import json
import os
from pathlib import Path

from sagemaker.estimator import Estimator
from sagemaker.exceptions import UnexpectedStatusException
from sagemaker.processing import FrameworkProcessor, ProcessingInput, ProcessingOutput
from sagemaker.session import Session
from sagemaker.sklearn.estimator import SKLearn

HERE = Path(__file__).parent
BUCKET, ROLE = os.environ["BUCKET"], os.environ["ROLE"]
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sagemaker-base-python-310:1.0"
TYPE = "ml.m5.large"


def process(session: Session) -> list[str]:
    processor = FrameworkProcessor(
        estimator_cls=SKLearn,
        framework_version="1.2-1",
        role=ROLE,
        instance_count=2,
        instance_type=TYPE,
        sagemaker_session=session,
    )
    rows = ProcessingInput(
        source=f"s3://{BUCKET}/parts/",
        destination="/opt/ml/processing/input/rows",
        s3_data_distribution_type="ShardedByS3Key",
    )
    counts = ProcessingOutput(
        output_name="counts",
        source="/opt/ml/processing/output/counts",
        destination=f"s3://{BUCKET}/counts",
    )
    processor.run(
        code="count.py",
        source_dir=str(HERE / "processing"),
        inputs=[rows],
        outputs=[counts],
        arguments=["found"],
        logs=False,
    )
    return [session.read_s3_file(BUCKET, f"counts/algo-{number}") for number in (1, 2)]


def train(session: Session) -> dict[str, float]:
    estimator = Estimator(
        image_uri=IMAGE,
        role=ROLE,
        instance_count=1,
        instance_type=TYPE,
        entry_point="train.py",
        source_dir=str(HERE / "source"),
        hyperparameters={"factor": 2},
        metric_definitions=[{"Name": "rows", "Regex": "rows=([0-9]+);"}],
        use_spot_instances=True,
        max_run=100,
        max_wait=200,
        checkpoint_s3_uri=f"s3://{BUCKET}/checkpoints",
        sagemaker_session=session,
    )
    estimator.fit({"train": f"s3://{BUCKET}/raw/"}, logs="All")
    found = estimator.training_job_analytics.dataframe()
    return dict(zip(found["metric_name"], found["value"], strict=True))


def train_without_the_framework(session: Session) -> str:
    estimator = SKLearn(
        entry_point="train_forest.py",
        source_dir=str(HERE / "source"),
        framework_version="1.2-1",
        role=ROLE,
        instance_count=1,
        instance_type=TYPE,
        sagemaker_session=session,
    )
    try:
        estimator.fit({"train": f"s3://{BUCKET}/raw/"}, logs="None")
    except UnexpectedStatusException as error:
        return str(error)
    return ""


if __name__ == "__main__":
    plain = Session(default_bucket=BUCKET)
    result = {
        "counts": process(plain),
        "metrics": train(plain),
        "missing": train_without_the_framework(plain),
    }
    print(json.dumps(result))
