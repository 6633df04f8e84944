"""Training and processing jobs: subprocesses under SageMaker's container contract."""
