"""What can go wrong between a configuration and a fleet that serves."""


class DeploymentError(Exception):
    """A fleet does not become ready; the message is the endpoint's FailureReason."""


class UnhealthyError(DeploymentError):
    """A model server was started, but ended or did not answer its health check."""
