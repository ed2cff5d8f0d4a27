"""Names that somebody may have meant who typed another."""

from collections.abc import Mapping
from typing import NamedTuple

from rapidfuzz.distance import OSA

from finder.geocoding.index import Feature, Index

_WORTH_GUESSING = 2_000  # without a state, a typo of a smaller place is more likely to be something else


class Match(NamedTuple):
    """A place whose name is so many edits (letters changed, left out, added or swapped) from what was typed."""

    edits: int
    feature: Feature


def misspelled(index: Index, key: str, state: str = "") -> list[Match]:
    """Return the places that the key may be a misspelling of, the likeliest first.

    A known state allows for more edits, because it leaves fewer names to confuse.
    """
    allowed = _allowed_edits(len(key), bool(state))
    if not allowed:
        return []
    matches = [match for match in near(index, key, allowed) if match.feature.kind != "state"]
    if state:
        return [match for match in matches if match.feature.state == state]
    return [match for match in matches if match.feature.population >= _WORTH_GUESSING]


def near(index: Index, key: str, edits: int) -> list[Match]:
    """Return each place with a name at most so many edits away, fewest edits and then best known first."""
    fewest: dict[Feature, int] = {}
    for name in index.keys_like(key, edits):
        distance = OSA.distance(key, name, score_cutoff=edits)
        if distance <= edits:
            for feature in index.named(name):
                fewest[feature] = min(distance, fewest.get(feature, distance))
    return sorted(Match(distance, feature) for feature, distance in fewest.items())


def misspelled_state(states: Mapping[str, str], key: str) -> str:
    """Return the code of the state whose name is one or two letters off, else an empty text."""
    if len(key) < 5:
        return ""
    edits = 1 if len(key) < 8 else 2
    near_names = [(OSA.distance(key, name, score_cutoff=edits), name) for name in states if len(name) > 4]
    distance, name = min(near_names)
    return states[name] if distance <= edits else ""


def _allowed_edits(length: int, in_known_state: bool) -> int:
    if in_known_state:
        return 0 if length < 4 else 1 if length < 6 else 2
    return 0 if length < 5 else 1 if length < 8 else 2
