"""Edges are found by what a property is made of, and by equal values; nothing is guessed."""

from headway_policies.resource import UNKNOWN, Resource
from headway_policies.stack_graph import Stack

KEY = "aws:kms/key:Key"
MODEL = "aws:sagemaker/model:Model"
CONFIG = "aws:sagemaker/endpointConfiguration:EndpointConfiguration"
ARN = "arn:aws:kms:us-east-1:111122223333:key/1"


def _key(name: str, **properties: object) -> Resource:
    return Resource(type=KEY, name=name, urn=f"urn::{name}", properties=properties)


def _config(key: object, *made_of: str, **properties: object) -> Resource:
    return Resource(
        type=CONFIG,
        urn="urn::config",
        properties={"kmsKeyArn": key, **properties},
        references={"kmsKeyArn": frozenset(made_of)},
    )


def test_a_value_that_is_not_known_yet_names_what_it_is_made_of() -> None:
    own, other = _key("own"), _key("other")
    config = _config(UNKNOWN, "urn::own")
    stack = Stack(resources=(own, other, config))

    assert stack.referenced(config, "kmsKeyArn", KEY) == (own,)
    assert stack.referring(own, CONFIG, "kmsKeyArn") == (config,)
    assert stack.referring(other, CONFIG, "kmsKeyArn") == ()


def test_a_known_value_names_what_has_it_whatever_it_is_made_of() -> None:
    own, other = _key("own", arn=ARN), _key("other", arn=f"{ARN}2")
    config = _config(ARN, "urn::own", "urn::other")

    assert Stack(resources=(own, other, config)).referenced(config, "kmsKeyArn", KEY) == (own,)


def test_a_value_that_holds_a_name_names_its_source() -> None:
    bucket = Resource(type="aws:s3/bucket:Bucket", urn="urn::b", properties={"bucket": "data-1"})
    config = Resource(
        type=CONFIG,
        urn="urn::c",
        properties={"dataCaptureConfig": {"destinationS3Uri": "s3://data-1/captured"}},
        references={"dataCaptureConfig": frozenset({"urn::b"})},
    )

    found = Stack(resources=(bucket, config)).referenced(config, "dataCaptureConfig.destinationS3Uri")
    assert found == (bucket,)


def test_an_unknown_value_that_is_made_of_nothing_names_nothing() -> None:
    config = _config(UNKNOWN)

    assert Stack(resources=(_key("own"), config)).referenced(config, "kmsKeyArn") == ()


def test_elements_of_lists_name_their_resources() -> None:
    models = [Resource(type=MODEL, urn=f"urn::{name}", properties={"name": name}) for name in "ab"]
    config = _config(None, productionVariants=[{"modelName": "a"}, {"modelName": "b"}, {}])
    stack = Stack(resources=(*models, config))

    assert stack.referenced(config, "productionVariants[*].modelName", MODEL) == tuple(models)
    assert stack.referring(models[1], CONFIG, "productionVariants[*].modelName") == (config,)
