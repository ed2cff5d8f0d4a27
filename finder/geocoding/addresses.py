"""The city that stands in a street address."""

import logging
import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from finder.geocoding.index import Feature, Index
from finder.geocoding.names import place_key

_HOUSE = re.compile(r"^(?:\d+[\w-]*\s+\S|p\.?\s?o\.?\s+box\b|box\s+\d)", re.IGNORECASE)


def is_street_address(text: str) -> bool:
    """Tell whether the text begins as a street address does: a house number and a word, or a post-office box."""
    return bool(_HOUSE.match(text))


def city_in(index: Index, text: str, key: str, state: str) -> Feature | None:
    """Return the city of the state that a text names, or None; ``key`` is what stands before the state.

    Tried in this order: what stands between commas, what the address parser calls a place, the longest ending that
    is a place's name.
    """
    words = key.split()
    between_commas = [place_key(part) for part in reversed(text.split(","))] if "," in text else []
    endings = [" ".join(words[start:]) for start in range(len(words))]
    return (
        _first_town(index, between_commas, state)
        or _first_town(index, [place_key(tagged_city(text))], state)
        or _first_town(index, endings, state)
    )


def _first_town(index: Index, keys: Iterable[str], state: str) -> Feature | None:
    for key in keys:
        for feature in index.named(key, state):
            if feature.kind in {"city", "postal"}:
                return feature
    return None


def tagged_city(text: str) -> str:
    """Return the words that the address parser takes for a city, or an empty text."""
    parser = _parser()
    try:
        tags, _ = parser.tag(text)
    except parser.RepeatedLabelError:
        return ""
    return str(tags.get("PlaceName", ""))


@cache
def _parser() -> Any:
    """Return the usaddress module; its import reads a model file, so it waits for the first address."""
    import usaddress  # noqa: PLC0415 - reads a file when imported

    logging.getLogger("usaddress").setLevel(logging.WARNING)
    return usaddress
