"""Amazon SageMaker for one machine: jobs are subprocesses, endpoints are model servers, state is on disk."""
