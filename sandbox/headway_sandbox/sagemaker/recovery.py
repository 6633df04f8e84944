"""What a start does about work that the sandbox was stopped or killed in the middle of."""

from __future__ import annotations

import shutil

from headway_sandbox.sagemaker.jobs import processing_run, training_run, transform_run
from headway_sandbox.sagemaker.jobs.record import ACTIVE, INTERNAL_ERROR, PROCESSING, TRAINING, TRANSFORM, Job
from headway_sandbox.sagemaker.pipelines.record import EXECUTION_KIND, RUNNING, Execution
from headway_sandbox.sagemaker.protocol import SageMaker

INTERRUPTED = f"{INTERNAL_ERROR} (The sandbox was stopped while this was running.)"

_FAIL = {TRAINING: training_run.fail, PROCESSING: processing_run.fail, TRANSFORM: transform_run.fail}


def fail_interrupted_work(service: SageMaker) -> list[str]:
    """Marks what was running when the sandbox ended as failed, and says so on EventBridge.

    Returns:
        The ARNs of what was interrupted.
    """
    interrupted = []
    for kind, fail in _FAIL.items():
        shutil.rmtree(service.work_dir / kind.kind, ignore_errors=True)
        for document in service.store.list(kind.kind):
            if document[kind.status_member] in ACTIVE:
                job = Job(service, kind, document[kind.name_member])
                fail(job, INTERRUPTED)
                interrupted.append(job.arn)
    for stored in service.store.list(EXECUTION_KIND):
        if stored["Describe"]["PipelineExecutionStatus"] in RUNNING:
            execution = Execution(service, stored["Describe"]["PipelineExecutionArn"])
            for name, step in stored["Steps"].items():
                if step["StepStatus"] in ("Starting", "Executing", "Stopping"):
                    execution.set_step(name, "Failed", EndTime=service.clock(), FailureReason=INTERRUPTED)
            execution.set_status("Failed", INTERRUPTED)
            interrupted.append(execution.arn)
    return interrupted
