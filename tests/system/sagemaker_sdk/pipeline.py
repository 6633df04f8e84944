"""Plain SageMaker SDK code, which knows nothing of a sandbox: a pipeline, then the model that it registered.

Run as a script with the standard AWS environment variables, and BUCKET and ROLE.
"""

import json
import os
from pathlib import Path

from sagemaker.deserializers import JSONDeserializer
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.model import Model
from sagemaker.predictor import Predictor
from sagemaker.processing import ProcessingInput, ProcessingOutput, ScriptProcessor
from sagemaker.serializers import CSVSerializer
from sagemaker.session import Session
from sagemaker.workflow.condition_step import ConditionStep
from sagemaker.workflow.conditions import ConditionGreaterThanOrEqualTo
from sagemaker.workflow.functions import JsonGet
from sagemaker.workflow.model_step import ModelStep
from sagemaker.workflow.parameters import ParameterFloat
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import PipelineSession
from sagemaker.workflow.properties import PropertyFile
from sagemaker.workflow.steps import ProcessingStep, TrainingStep

HERE = Path(__file__).parent
BUCKET, ROLE = os.environ["BUCKET"], os.environ["ROLE"]
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sagemaker-base-python-310:1.0"
GROUP = "factors"
INSTANCE = {"instance_count": 1, "instance_type": "ml.m5.large"}


def declare(session: PipelineSession) -> Pipeline:
    processor = ScriptProcessor(
        image_uri=IMAGE, command=["python3"], role=ROLE, sagemaker_session=session, **INSTANCE
    )
    report = PropertyFile(name="Report", output_name="report", path="report.json")
    prepare = ProcessingStep(
        name="Prepare",
        step_args=processor.run(
            code=str(HERE / "prepare.py"),
            inputs=[ProcessingInput(source=f"s3://{BUCKET}/raw/", destination="/opt/ml/processing/input")],
            outputs=[
                ProcessingOutput(output_name="train", source="/opt/ml/processing/output/train"),
                ProcessingOutput(output_name="report", source="/opt/ml/processing/output/report"),
            ],
            arguments=["--share", "0.5"],
        ),
        property_files=[report],
    )
    estimator = Estimator(
        image_uri=IMAGE,
        role=ROLE,
        entry_point="train.py",
        source_dir=str(HERE / "source"),
        hyperparameters={"factor": 1.5},
        metric_definitions=[{"Name": "rows", "Regex": "rows=([0-9]+);"}],
        sagemaker_session=session,
        **INSTANCE,
    )
    rows = prepare.properties.ProcessingOutputConfig.Outputs["train"].S3Output.S3Uri
    train = TrainingStep(name="Train", step_args=estimator.fit({"train": TrainingInput(rows)}))
    model = Model(
        image_uri=IMAGE,
        model_data=train.properties.ModelArtifacts.S3ModelArtifacts,
        role=ROLE,
        entry_point="inference.py",
        source_dir=str(HERE / "serving"),
        sagemaker_session=session,
    )
    register = ModelStep(
        name="Factor",
        step_args=model.register(
            content_types=["text/csv"],
            response_types=["application/json"],
            inference_instances=["ml.m5.large"],
            transform_instances=["ml.m5.large"],
            model_package_group_name=GROUP,
            approval_status="Approved",
        ),
    )
    least = ParameterFloat(name="LeastRows", default_value=3.0)
    check = ConditionStep(
        name="Check",
        conditions=[
            ConditionGreaterThanOrEqualTo(
                left=JsonGet(step_name=prepare.name, property_file=report, json_path="rows"), right=least
            )
        ],
        if_steps=[register],
        else_steps=[],
    )
    return Pipeline(
        name="factor", parameters=[least], steps=[prepare, train, check], sagemaker_session=session
    )


def run(pipeline: Pipeline) -> dict[str, str]:
    pipeline.upsert(role_arn=ROLE)
    execution = pipeline.start()
    execution.wait(delay=1, max_attempts=120)
    return {step["StepName"]: step["StepStatus"] for step in execution.list_steps()}


def registered(session: Session) -> str:
    client = session.sagemaker_client
    (package,) = client.list_model_packages(ModelPackageGroupName=GROUP)["ModelPackageSummaryList"]
    described = client.describe_model_package(ModelPackageName=package["ModelPackageArn"])
    data: str = described["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
    return data


def predict(session: Session, model_data: str) -> object:
    model = Model(
        image_uri=IMAGE,
        model_data=model_data,
        role=ROLE,
        entry_point="inference.py",
        source_dir=str(HERE / "serving"),
        predictor_cls=Predictor,
        sagemaker_session=session,
    )
    predictor = model.deploy(
        initial_instance_count=1,
        instance_type="ml.m5.large",
        endpoint_name="factor",
        serializer=CSVSerializer(),
        deserializer=JSONDeserializer(),
        wait=False,
    )
    session.wait_for_endpoint("factor", poll=1)
    answer = predictor.predict([[1.0, 2.0], [3.0, 4.0]])
    predictor.delete_endpoint()
    return answer


def transform(session: Session, model_data: str) -> str:
    model = Model(
        image_uri=IMAGE,
        model_data=model_data,
        role=ROLE,
        entry_point="inference.py",
        source_dir=str(HERE / "serving"),
        sagemaker_session=session,
    )
    model.create(instance_type="ml.m5.large")
    transformer = model.transformer(
        **INSTANCE,
        strategy="MultiRecord",
        assemble_with="Line",
        output_path=f"s3://{BUCKET}/transformed",
        accept="text/csv",
    )
    transformer.transform(
        f"s3://{BUCKET}/raw/rows.csv", content_type="text/csv", split_type="Line", wait=False
    )
    session.wait_for_transform_job(transformer.latest_transform_job.name, poll=1)
    transformed: str = session.read_s3_file(BUCKET, "transformed/rows.csv.out")
    return transformed


if __name__ == "__main__":
    steps = run(declare(PipelineSession(default_bucket=BUCKET)))
    plain = Session(default_bucket=BUCKET)
    found = registered(plain)
    result = {"steps": steps, "prediction": predict(plain, found), "transformed": transform(plain, found)}
    print(json.dumps(result))
