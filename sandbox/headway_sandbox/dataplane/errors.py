"""What can go wrong between a configuration and a fleet that serves."""


class DeploymentError(Exception):
    """A fleet does not become ready; the message is the endpoint's FailureReason."""


class UnhealthyError(DeploymentError):
    """A model server was started, but ended or did not answer its health check."""


class NoWorkerError(Exception):
    """No model server of a variant can answer now: none runs, or every restart fails."""


class ConcurrencyError(Exception):
    """A serverless variant is answering as many requests as its MaxConcurrency allows."""
