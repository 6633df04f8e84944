"""Trails of CloudTrail and the events that they record."""

from collections.abc import Iterator

from headway_policies.resource import UNKNOWN, Resource
from headway_policies.subjects.values import plain

TRAIL = "aws:cloudtrail/trail:Trail"
_OBJECTS = "AWS::S3::Object"


def recorded_objects(trail: Resource) -> Iterator[object]:
    """The ARNs of the buckets and prefixes whose objects a trail records.

    `*` stands for all buckets, `UNKNOWN` for what is not known yet.

    Raises:
        NotKnownError: The list of selectors is not known yet.
    """
    for selector in trail.items("eventSelectors"):
        for path in trail.items(f"{selector}.dataResources"):
            if trail.value(f"{path}.type") == _OBJECTS:
                values = trail.value(f"{path}.values")
                yield from map(_every, values if isinstance(values, list | tuple) else [values])
    for selector in trail.items("advancedEventSelectors"):
        yield from _advanced(trail, selector)


def _advanced(trail: Resource, selector: str) -> Iterator[object]:
    fields = {plain(trail.value(f"{path}.field")): path for path in trail.items(f"{selector}.fieldSelectors")}
    types = trail.value(f"{fields['resources.type']}.equals") if "resources.type" in fields else None
    if types is UNKNOWN or (isinstance(types, list) and UNKNOWN in types):
        yield UNKNOWN
    if not isinstance(types, list) or _OBJECTS not in types:
        return
    arns = fields.get("resources.ARN")
    if arns is None:
        yield "*"
        return
    for name in ("startsWiths", "equals"):
        values = trail.value(f"{arns}.{name}")
        if values is not None:
            yield from map(_every, values if isinstance(values, list | tuple) else [values])


def _every(value: object) -> object:
    return "*" if value in ("arn:aws:s3", "arn:aws:s3:::") else plain(value)
