"""What can go wrong between a configuration and a fleet that serves."""


class DeploymentError(Exception):
    """A fleet does not become ready; the message is the endpoint's FailureReason."""
