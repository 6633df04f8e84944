"""Keeps secrets out of every text that leaves the gate. Pure."""

from collections.abc import Iterable, Mapping
from typing import Final

from headway_policies.resource import Resource
from headway_policies.stack_graph import identity_names

HIDDEN: Final = "[secret]"
MINIMUM_LENGTH: Final = 4
"""Shorter texts occur everywhere; where one is a secret, the property that holds it is hidden as a whole."""


STAND_IN_MARK: Final = "5ead1e55"
"""In every name that an offline plan gives to a resource which only AWS can name."""


def stand_in_names(resources: Iterable[Resource]) -> dict[str, str]:
    """What to show for each stand-in: the resource that it stands for."""
    found: dict[str, str] = {}
    for resource in resources:
        for name in sorted(identity_names(resource.type)):
            value = resource.properties.get(name)
            if isinstance(value, str) and STAND_IN_MARK in value:
                found.setdefault(value, f"<{name} of {resource.name}>")
    return found


class Redactor:
    """Hides what must not be shown.

    Args:
        secret_texts: The plain texts of secrets.
        names: Texts that are shown as others.
    """

    def __init__(self, secret_texts: Iterable[str] = (), names: Mapping[str, str] | None = None) -> None:
        self._names = sorted((names or {}).items(), key=lambda pair: len(pair[0]), reverse=True)
        # A finding quotes a value as Python does. The longest first: a secret may be part of another one.
        forms = {form for item in secret_texts for form in (item, repr(item)[1:-1])}
        texts = sorted({form for form in forms if len(form) >= MINIMUM_LENGTH}, key=len, reverse=True)
        self._texts = tuple(texts)

    def text(self, text: str) -> str:
        """The text without any secret."""
        for secret in self._texts:
            if secret in text:
                text = text.replace(secret, HIDDEN)
        if STAND_IN_MARK in text:
            for stand_in, name in self._names:
                text = text.replace(stand_in, name)
        return text
