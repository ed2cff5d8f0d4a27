"""Places for the letters typed so far."""

import string
from collections.abc import Iterable

from finder.domain.place import Place
from finder.domain.text import fold
from finder.geocoding import typed
from finder.geocoding.index import Feature, Index
from finder.geocoding.names import place_key
from finder.geocoding.resolver import place_of
from finder.geocoding.spelling import misspelled

_ENOUGH = 3  # with fewer completions, a typo in the letters typed is looked for
_LETTERS = string.ascii_lowercase + " "
_SHORTEST_TYPO = 4
_LONGEST_STATE = 3  # words
_LONGEST_TYPO = 14  # one edit of a longer beginning is found by its first letters as well


def suggest(index: Index, text: str, limit: int = 8) -> list[Place]:
    """Return places that the text may be the beginning of, those of most people first; a misspelt one comes last."""
    plain = typed.clean(text) if len(text) <= typed.MAX_LENGTH else None
    if not plain or limit < 1:
        return []
    digits = typed.postal_digits(plain) if len(plain) > 2 else None
    if digits:
        codes = index.postal_codes(digits, limit) or index.postal_codes(digits.zfill(5), limit)
        return [place_of(code) for code in codes]
    return [place_of(feature) for feature in _without_namesakes(_matches(index, plain, limit))][:limit]


def _matches(index: Index, plain: str, limit: int) -> list[Feature]:
    key = place_key(plain)
    if not key:
        return []
    exact = index.nicknamed(key)
    begun = _completions(index, key, fold(plain), limit)
    if len(begun) >= min(_ENOUGH, limit):
        return exact + begun
    return exact + begun + (_in_begun_state(index, key) or _corrections(index, key, limit))


def _completions(index: Index, key: str, as_written: str, limit: int) -> list[Feature]:
    """Return the places that begin so, with and without abbreviations written out ("st" may go on to "stamford")."""
    found = set(index.starting(key, 2 * limit))
    if as_written != key:
        found.update(index.starting(as_written, 2 * limit))
    return sorted(found)


def _in_begun_state(index: Index, key: str) -> list[Feature]:
    """Return the places of a whole name with the beginning of a state after it: "springfield mass"."""
    words = key.split()
    for count in range(1, min(_LONGEST_STATE, len(words) - 1) + 1):
        begun = " ".join(words[-count:])
        states = {state for name, state in index.states().items() if name.startswith(begun)}
        states |= {state for state in index.states().values() if state.lower().startswith(begun)}
        found = [feature for feature in index.named(" ".join(words[:-count])) if feature.state in states]
        if found:
            return [feature for feature in found if feature.kind != "state"]
    return []


def _corrections(index: Index, key: str, limit: int) -> list[Feature]:
    if len(key) < _SHORTEST_TYPO:
        return []
    whole = [match.feature for match in misspelled(index, key)]
    begun = index.any_starting(sorted(_one_edit(key[:_LONGEST_TYPO])), limit)
    return [*whole[:limit], *begun]


def _one_edit(beginning: str) -> set[str]:
    """Return every text one edit away that keeps the first letter, which people rarely mistype."""
    edits: set[str] = set()
    for at in range(1, len(beginning) + 1):
        before, after = beginning[:at], beginning[at:]
        edits.update(before + letter + after for letter in _LETTERS)
        if after:
            edits.add(before + after[1:])
            edits.update(before + letter + after[1:] for letter in _LETTERS)
            edits.add(before[:-1] + after[0] + before[-1] + after[1:])
    return edits - {beginning}


def _without_namesakes(features: Iterable[Feature]) -> list[Feature]:
    """Return the features without later ones of the same label: a state may have several places of one name."""
    return list({feature.label: feature for feature in reversed(list(features))}.values())[::-1]
