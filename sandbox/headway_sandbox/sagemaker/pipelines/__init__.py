"""SageMaker Pipelines: definitions, values, executions."""
