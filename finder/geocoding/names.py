"""Place names in the one form that the gazetteer compares them in."""

import re

from finder.domain.text import fold

_EXPANSIONS = {"st": "saint", "ste": "sainte", "ft": "fort", "mt": "mount", "mtn": "mountain", "hts": "heights"}
_SINGLE_LETTERS = re.compile(r"\b([a-z])((?: [a-z])+)\b")
_HAS_PARTS = re.compile(r"/|\(|\b(?:of|The)\b")
_FORMAL = re.compile(r"^(?:the )?(?:(?:city|town|village|borough) of )?(.+?)(?: balance)?$")


def place_key(name: str) -> str:
    """Return the name folded, abbreviations written out and spaced initials joined: "St. Louis" is "saint louis".

    A last "MT" stays as it is: it is Montana more often than a mountain.
    """
    joined = _SINGLE_LETTERS.sub(lambda initials: initials[0].replace(" ", ""), fold(name))
    written = " ".join(_EXPANSIONS.get(word, word) for word in joined.split())
    return f"{written.removesuffix('mount')}mt" if joined.endswith("mt") and written.endswith("mount") else written


def other_keys(name: str, state: str) -> set[str]:
    """Return the keys under which people also look for the name: without "City of", each part around a slash.

    The villages of Guam and the Northern Mariana Islands are known without that word.
    """
    if state not in {"GU", "MP"} and not _HAS_PARTS.search(name):
        return set()
    keys = {_FORMAL.sub(r"\1", place_key(part)) for part in re.split(r"\s/\s|\(.*\)", name)}
    if state in {"GU", "MP"}:
        keys |= {key.removesuffix(" village") for key in keys}
    return keys - {""}
