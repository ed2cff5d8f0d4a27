"""Names of people as registries write them, in capitals, and as a reader should see them."""

import re

_PARTICLES = frozenset({"da", "de", "del", "della", "der", "di", "dos", "du", "la", "le", "ten", "ter", "van", "von"})
_SUFFIXES = {"JR": "Jr.", "SR": "Sr.", "II": "II", "III": "III", "IV": "IV", "V": "V"}
_AFTER_SIGN = re.compile(r"(?<=[-'’.])\w")


def proper_case(name: str) -> str:
    """Return a name written in capitals in proper case: "MCDONALD" is "McDonald", "VAN DER BERG" "van der Berg".

    A name that has a small letter was written with care and is returned as it is. "Mac" stays as in "Mackey", for
    nobody can tell "Macdonald" from "MacDonald".
    """
    words = name.split()
    if not name.isupper():
        return " ".join(words)
    return " ".join(_word(word, last=place == len(words)) for place, word in enumerate(words, 1))


def _word(word: str, last: bool) -> str:
    if not last and word.lower() in _PARTICLES:
        return word.lower()
    proper = _AFTER_SIGN.sub(lambda match: match[0].upper(), word.capitalize())
    if proper.startswith("Mc") and len(proper) > 3:
        proper = "Mc" + proper[2].upper() + proper[3:]
    return proper


def name_suffix(text: str) -> str:
    """Return a suffix as it is printed after a name: "JR" is "Jr."; an unknown one is returned as it is."""
    return _SUFFIXES.get(text.strip(" .,").upper(), text.strip())


def credentials(text: str) -> str:
    """Return credentials without points and blanks inside them: "M. D., Ph.D." is "MD, PhD"."""
    parts = (re.sub(r"[.\s]", "", part) for part in text.split(","))
    return ", ".join(part for part in parts if part)
