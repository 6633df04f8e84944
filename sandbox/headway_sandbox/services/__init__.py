"""AWS services beside SageMaker that ministack lacks and this sandbox therefore brings itself."""
