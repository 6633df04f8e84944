"""Reads property values as Pulumi writes them: in a state file, and on the wire to a policy pack. Pure."""

from collections.abc import Mapping
from typing import Final

from headway_policies.resource import UNKNOWN

# The marks are Pulumi's own constants: sdk/go/common/resource/{sig,properties}.go and plugin/rpc.go.
_MARK: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a mark
_OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_REFERENCE: Final = "5cf8f73096256a8f31e491e813e4eb8e"

UNKNOWN_TEXT: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""How a text that is not known yet travels."""

_UNKNOWNS: Final = frozenset(
    {
        UNKNOWN_TEXT,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # boolean
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # list
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)


class Values:
    """Reads the properties of one resource.

    Attributes:
        secret_texts: The plain texts of secrets that were met, which no report may show.
    """

    def __init__(self) -> None:
        self.secret_texts: set[str] = set()
        self._met_secret = False

    def properties(self, raw: Mapping[str, object]) -> tuple[dict[str, object], frozenset[str]]:
        """The properties as rules read them, and the names of those that hold a secret."""
        found: dict[str, object] = {}
        secrets: set[str] = set()
        for name, value in raw.items():
            if name == "__defaults":
                continue
            self._met_secret = False
            found[name] = self.value(value)
            if self._met_secret:
                secrets.add(name)
        return found, frozenset(secrets)

    def value(self, raw: object) -> object:
        """A value; `UNKNOWN` where it is not known or cannot be decrypted here."""
        kind = type(raw)
        if kind is str:
            assert isinstance(raw, str)
            # A text that was put together with an unknown one is not known either.
            return UNKNOWN if raw in _UNKNOWNS or UNKNOWN_TEXT in raw else raw
        if kind is dict:
            assert isinstance(raw, dict)
            if _MARK in raw:
                return self._marked(raw)
            return {name: self.value(item) for name, item in raw.items() if name != "__defaults"}
        if kind is list:
            assert isinstance(raw, list)
            return [self.value(item) for item in raw]
        return raw

    def _marked(self, raw: dict[str, object]) -> object:
        mark = raw[_MARK]
        if mark == _SECRET:
            return self._secret(raw)
        if mark == _OUTPUT:
            return self._secret(raw) if raw.get("secret") else self.value(raw.get("value", UNKNOWN_TEXT))
        if mark == _REFERENCE:
            return raw.get("id") or raw.get("urn")
        # An asset or an archive: what it is made of, under the names that Pulumi gives it.
        return {name: self.value(item) for name, item in raw.items() if name != _MARK}

    def _secret(self, raw: dict[str, object]) -> object:
        if "plaintext" in raw:
            found = self._parsed(raw["plaintext"])
        elif "value" in raw:
            found = self.value(raw["value"])
        else:
            found = UNKNOWN
        self._met_secret = True
        self._remember(found)
        return found

    def _parsed(self, plaintext: object) -> object:
        # An export with `--show-secrets` holds the JSON of the value as text.
        import json  # noqa: PLC0415 - most states hold no secret in plain text

        if not isinstance(plaintext, str):
            return UNKNOWN
        try:
            return self.value(json.loads(plaintext))
        except ValueError:
            return plaintext

    def _remember(self, value: object) -> None:
        if isinstance(value, str) and value:
            self.secret_texts.add(value)
        elif isinstance(value, Mapping):
            for item in value.values():
                self._remember(item)
        elif isinstance(value, list):
            for item in value:
                self._remember(item)


def merged(
    inputs: Mapping[str, object], outputs: Mapping[str, object], identities: frozenset[str]
) -> dict[str, object]:
    """Inputs and outputs as one: what a program declared, and what the provider added to it.

    An output that is not known yet is taken only where it names the resource: a provider says "not known"
    also of what nobody set, and a key that nobody set must not look like one that is.

    Args:
        inputs: What was declared.
        outputs: What the provider says.
        identities: The names of outputs that name the resource.
    """
    found = dict(outputs)
    for name, value in outputs.items():
        if value is UNKNOWN and name not in identities:
            del found[name]
    found.update(inputs)
    return found
