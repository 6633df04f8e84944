"""Keeps secrets out of every text that leaves the gate. Pure."""

from collections.abc import Iterable
from typing import Final

HIDDEN: Final = "[secret]"
MINIMUM_LENGTH: Final = 4
"""Shorter texts occur everywhere; where one is a secret, the property that holds it is hidden as a whole."""


class Redactor:
    """Hides what must not be shown.

    Args:
        secret_texts: The plain texts of secrets.
    """

    def __init__(self, secret_texts: Iterable[str] = ()) -> None:
        # The longest first: a secret may be part of another one.
        texts = sorted({item for item in secret_texts if len(item) >= MINIMUM_LENGTH}, key=len, reverse=True)
        self._texts = tuple(texts)

    def text(self, text: str) -> str:
        """The text without any secret."""
        for secret in self._texts:
            if secret in text:
                text = text.replace(secret, HIDDEN)
        return text
