"""What goes into a processing job and what comes out of it, at the places where the runtime looks."""

from headway_components.pipeline_definition import Channel, Value
from headway_runtime import contract as runtime


def job_input(name: str, uri: Value, data_type: str = "S3Prefix") -> Channel:
    """What a job reads.

    Args:
        name: What the runtime calls it.
        uri: Where it is.
        data_type: `S3Prefix`, or `ManifestFile` for a file that names the objects.
    """
    return Channel(name=name, uri=uri, path=f"{runtime.PROCESSING_INPUT}/{name}", data_type=data_type)


def job_output(name: str, uri: Value) -> Channel:
    """What a job leaves.

    Args:
        name: What the runtime calls it.
        uri: Where it goes.
    """
    return Channel(name=name, uri=uri, path=f"{runtime.PROCESSING_OUTPUT}/{name}")
