"""Text in the one form that names are compared in."""

import re
import unicodedata

_NOT_WORD = re.compile(r"[^a-z0-9]+")
_APOSTROPHES = str.maketrans("", "", "'’‘`´ʻ")


def fold(text: str) -> str:
    """Return lower-case ASCII words joined by single blanks: "Cañon  City" and "canon city" are equal.

    Apostrophes vanish ("O'Fallon" is "ofallon"); every other sign parts words. Letters outside the Latin script vanish.
    """
    decomposed = unicodedata.normalize("NFKD", text.translate(_APOSTROPHES).casefold())
    ascii_only = decomposed.translate(_APOSTROPHES).encode("ascii", "ignore").decode("ascii")
    return _NOT_WORD.sub(" ", ascii_only).strip()


def slug(text: str) -> str:
    """Return the folded text with hyphens, fit for an address."""
    return fold(text).replace(" ", "-")
