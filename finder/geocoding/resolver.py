"""What a typed text means by the gazetteer alone: a point, a question, or nothing."""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from finder.domain.geo import GeoPoint, distance_m
from finder.domain.place import Located, LocateStatus, Place, Precision
from finder.geocoding import typed
from finder.geocoding.addresses import city_in, is_street_address, tagged_city
from finder.geocoding.index import Feature, Index, PostalCode
from finder.geocoding.names import place_key
from finder.geocoding.spelling import misspelled, misspelled_state, near
from finder.language import N_, _

AMBIGUOUS_SHARE = 0.1  # a namesake in another state with this share of the first one's people is asked about
KNOWN_BETTER_THAN_ABROAD = 20_000  # a US city of this size is meant before a country or city abroad of its name
_FAR_APART_M = 80_000  # a city and a ZIP code farther apart than this contradict each other
_MOST_CANDIDATES = 6
_LONGEST_STATE = 4  # words: "northern mariana islands", "commonwealth …" is rarer
_LAST_CODE = re.compile(r"^(.*?)[\s,]+(\d{3,5})(?:-?\d{4})?$")
_FIRST_CODE = re.compile(r"^(\d{5})(?:-\d{4})?[\s,]+(.+)$")
_COUNTY_IN_SPANISH = re.compile(r"^(condado|municipio) de (.+)$")
_NAME_TIERS = ((50_000, 25_000.0), (5_000, 40_000.0), (500, 160_000.0), (0, 400_000.0))
_PRECISIONS = {"city": Precision.CITY, "postal": Precision.CITY, "county": Precision.COUNTY, "state": Precision.STATE}

EMPTY = N_("Type a ZIP code, a city and state, or a street address.")
REFUSED = N_("That is too long for a place. Type a ZIP code, a city and state, or a street address.")
NO_PLACE = N_("We could not find that place. Check the spelling, or type a ZIP code or a city and state.")
ADD_CITY = N_("We could not find that address. Add the city and state, or the ZIP code.")
NO_SUCH_CODE = N_("No ZIP code like that is in use. Check the digits, or type a city and state.")
OUTSIDE = N_("That place is outside the United States. This finder covers the 50 states, DC and the US territories.")
OFF_EARTH = N_("Those numbers are not a position. Type latitude first, then longitude, in degrees.")
SWAPPED = N_("Those numbers may be the wrong way around. Latitude comes first, then longitude.")
MILITARY = N_(
    "That is a US military mail code, which does not say where you are. Type a ZIP code or city in the United States."
)
CHOOSE = N_("More than one place has that name. Choose the one you mean.")
DISAGREE = N_("The ZIP code and the place do not belong together. Choose the one you mean.")
CORRECTED = N_("We did not find those exact words, so this is the nearest match.")
ZERO_ADDED = N_("A zero at the start of the ZIP code was put back.")
WRONG_CODE = N_("No ZIP code like that is in use, so this is the middle of the city.")
WHOLE_STATE = N_("This is the middle of the people of a whole state. A city or ZIP code gives better distances.")
ADDRESS_TO_CODE = N_("The address is taken as the middle of its ZIP code.")
ADDRESS_TO_CITY = N_("The address is taken as the middle of its city.")


def resolve(index: Index, text: str) -> Located:
    """Return what the text means. Nothing is looked up in a text of more than ``typed.MAX_LENGTH`` signs."""
    if len(text) > typed.MAX_LENGTH:
        return Located(LocateStatus.REFUSED, message=REFUSED)
    plain = typed.clean(text)
    if not plain:
        return Located(LocateStatus.NOT_FOUND, message=NO_PLACE if plain is None else EMPTY)
    if typed.is_no_place(plain):
        return Located(LocateStatus.NOT_FOUND, message=NO_PLACE)
    for read in _READINGS:
        located = read(index, plain)
        if located:
            return located
    return _not_found(index, plain)


def place_of(feature: Feature | PostalCode, corrected: bool = False) -> Place:
    """Return the gazetteer's place as the domain's."""
    if isinstance(feature, PostalCode):
        if feature.point is None:
            raise ValueError("a military mail code has no position")
        return Place(feature.label, feature.point, Precision.ZIP, corrected)
    return Place(feature.label, feature.point, _PRECISIONS[feature.kind], corrected)


def name_of(index: Index, point: GeoPoint) -> str:
    """Return words for a position, after a place near it that many people know: "near Boston, MA"."""
    found = nearby(index, point, 1)
    return _("near %(place)s", place=found[0].label) if found else _("a position far from any town")


def nearby(index: Index, point: GeoPoint, limit: int) -> list[Feature]:
    """Return cities near a point, nearest first: well-known ones, or smaller ones where there are none."""
    for population, radius_m in _NAME_TIERS:
        found = index.nearest(point, radius_m, population, limit)
        if found:
            return found
    return []


# Each reading returns None for a text that is not of its kind.


def _coordinates(index: Index, text: str) -> Located | None:
    pair = typed.coordinates(text)
    if pair is None:
        return None
    point, swapped = _point(*pair), _point(pair[1], pair[0])
    if point and typed.in_united_states(point):
        return _found(Place(_("a point %(near)s", near=name_of(index, point)), point, Precision.EXACT))
    if swapped and typed.in_united_states(swapped):
        meant = Place(name_of(index, swapped), swapped, Precision.EXACT, corrected=True)
        return Located(LocateStatus.NOT_FOUND, candidates=(meant,), message=SWAPPED)
    return Located(LocateStatus.NOT_FOUND, message=OUTSIDE if point else OFF_EARTH, outside=point is not None)


def _point(latitude: float, longitude: float) -> GeoPoint | None:
    try:
        return GeoPoint(latitude, longitude)
    except ValueError:
        return None


def _postal_code(index: Index, text: str) -> Located | None:
    digits = typed.postal_digits(text)
    if digits is None:
        meant = typed.with_digits_for_letters(text)
        return _no_such_code(index, meant) if meant else None
    code = digits.zfill(5)
    found = index.postal_code(code)
    if found is None:
        return _no_such_code(index, code)
    if found.point is None:
        return Located(LocateStatus.NOT_FOUND, message=MILITARY)
    padded = code != digits
    return _found(place_of(found, corrected=padded), message=ZERO_ADDED if padded else "")


def _no_such_code(index: Index, code: str) -> Located:
    exact = index.postal_code(code)
    alike = [exact] if exact and exact.point else index.postal_codes(code[:4], 3)
    return Located(LocateStatus.NOT_FOUND, candidates=tuple(map(place_of, alike)), message=NO_SUCH_CODE)


def _military_mail(index: Index, text: str) -> Located | None:
    if not typed.is_military_mail(text) or index.named(place_key(text)):
        return None
    return Located(LocateStatus.NOT_FOUND, message=MILITARY)


def _post_code_abroad(index: Index, text: str) -> Located | None:
    if not typed.is_post_code_abroad(text):
        return None
    return Located(LocateStatus.NOT_FOUND, message=OUTSIDE, outside=True)


def _name(index: Index, text: str) -> Located | None:
    """Read a name alone: a nickname, a state, or every place that is called so."""
    key = _in_english_order(place_key(text))
    nicknamed = [feature for feature in index.nicknamed(key) if feature.kind != "state"]
    if nicknamed:
        states = [feature for feature in index.named(key) if feature.kind == "state"]
        return _found(place_of(nicknamed[0]), others=states)
    state = index.state_code(key)
    if state:
        return _found(place_of(index.state(state)), message=WHOLE_STATE)
    named = index.named(key)
    abroad = index.is_abroad(key)
    if abroad and not any(feature.population >= KNOWN_BETTER_THAN_ABROAD for feature in named):
        return Located(
            LocateStatus.NOT_FOUND,
            candidates=_places(_by_state(named)[:_MOST_CANDIDATES]),
            message=OUTSIDE,
            outside=True,
        )
    return _choice(named) if named else None


def _name_and_state(index: Index, text: str) -> Located | None:
    for name, state in _state_splits(index, text):
        if index.state_code(name) == state:  # "NY, NY" is the city that is called like its state
            name = place_key(index.state(state).name)  # noqa: PLW2901 - the same thing, written out
        named = index.named(_in_english_order(name), state)
        towns = [feature for feature in named if feature.kind != "state"]
        if towns:
            return _found(place_of(towns[0]))
    return None


def _abroad(index: Index, text: str) -> Located | None:
    words = place_key(text).split()
    for count in range(1, min(_LONGEST_STATE, len(words) - 1) + 1):
        if index.is_abroad(" ".join(words[-count:])) == "country":
            return Located(LocateStatus.NOT_FOUND, message=OUTSIDE, outside=True)
    return None


def _with_postal_code(index: Index, text: str) -> Located | None:
    """Read a place or an address with a ZIP code after it, or a place with one before it."""
    last = _LAST_CODE.match(text)
    if last and (len(last[2]) == 5 or _ends_in_state(index, last[1])):
        return _code_and_rest(index, last[2], last[1])
    first = _FIRST_CODE.match(text)
    if first and (_name(index, first[2]) or _name_and_state(index, first[2])):
        return _code_and_rest(index, first[1], first[2])
    return None


def _code_and_rest(index: Index, digits: str, rest: str) -> Located | None:
    code = index.postal_code(digits.zfill(5))
    padded = len(digits) < 5
    if padded and not (code and any(state == code.state for _, state in _state_splits(index, rest))):
        return None
    if code is None:
        place = _address_city(index, rest) or _name(index, rest) or _name_and_state(index, rest)
        if place is None or place.place is None:
            return None
        return replace(place, place=replace(place.place, corrected=True), message=WRONG_CODE)
    if code.point is None:
        return Located(LocateStatus.NOT_FOUND, message=MILITARY)
    rival = _rival(index, code, rest)
    if rival:
        return Located(LocateStatus.AMBIGUOUS, candidates=(place_of(code), place_of(rival)), message=DISAGREE)
    message = ZERO_ADDED if padded else ADDRESS_TO_CODE if is_street_address(rest) else ""
    return _found(place_of(code, corrected=padded), message=message)


def _rival(index: Index, code: PostalCode, rest: str) -> Feature | None:
    """Return the place in the rest of the text that contradicts the ZIP code, if one does."""
    for name, state in _state_splits(index, rest):
        if state == code.state and name.endswith(place_key(code.city)):
            return None
        city = city_in(index, rest, name, state)
        if city:
            return None if _near_enough(city, code) else city
        if state != code.state:
            return index.state(state)
    if _ends_in_state(index, rest):
        return None
    namesakes = [feature for feature in index.named(place_key(rest)) if feature.kind != "state"]
    return namesakes[0] if namesakes and not any(_near_enough(feature, code) for feature in namesakes) else None


def _near_enough(feature: Feature, code: PostalCode) -> bool:
    return code.point is not None and distance_m(feature.point, code.point) <= _FAR_APART_M


def _address_city(index: Index, text: str) -> Located | None:
    """Read a street address without a ZIP code down to its city."""
    if not is_street_address(text):
        return None
    for name, state in _state_splits(index, text):
        city = city_in(index, text, name, state)
        if city:
            return _found(place_of(city), message=ADDRESS_TO_CITY)
    key = place_key(text.rsplit(",", 1)[1] if "," in text else tagged_city(text))
    named = index.named(key) if key else []
    return _choice(named) if named else None


def _misspelling_with_state(index: Index, text: str) -> Located | None:
    for name, state in [*_state_splits(index, text), *_misspelled_state_splits(index, text)]:
        exact = [feature for feature in index.named(name, state) if feature.kind != "state"]
        matches = exact or [match.feature for match in misspelled(index, name, state)]
        if matches:
            return _found(place_of(matches[0], corrected=True), others=matches[1:4], message=CORRECTED)
    return None


def _misspelling(index: Index, text: str) -> Located | None:
    matches = [match.feature for match in misspelled(index, place_key(text))]
    if not matches:
        return None
    meant = _choice(index.named(place_key(matches[0].name)))
    if meant.status is LocateStatus.AMBIGUOUS:
        return meant
    return _found(place_of(matches[0], corrected=True), others=_by_state(matches)[:6], message=CORRECTED)


def _last_words_with_state(index: Index, text: str) -> Located | None:
    """Read "some hospital, Boston MA" by the longest ending that is a place of the state."""
    for name, state in _state_splits(index, text):
        city = city_in(index, text, name, state)
        if city:
            return _found(place_of(city, corrected=True), message=CORRECTED)
    return None


_READINGS: tuple[Callable[[Index, str], Located | None], ...] = (
    _coordinates,
    _postal_code,
    _post_code_abroad,
    _name,
    _name_and_state,
    _military_mail,
    _abroad,
    _with_postal_code,
    _address_city,
    _misspelling_with_state,
    _misspelling,
    _last_words_with_state,
)


def _not_found(index: Index, text: str) -> Located:
    key = place_key(text)
    alike = [match.feature for match in near(index, key, 2)] if len(key) >= 4 else []
    message = ADD_CITY if is_street_address(text) else NO_PLACE
    return Located(LocateStatus.NOT_FOUND, candidates=_places(alike[:3]), message=message)


def _choice(named: list[Feature]) -> Located:
    """Return the place that is meant, or the question which one where a namesake has its share of the people."""
    towns = [feature for feature in named if feature.kind in {"city", "postal"}] or named
    first, *others = _by_state(towns)
    rivals = [other for other in others if other.population >= AMBIGUOUS_SHARE * first.population]
    if rivals:
        candidates = _places([first, *rivals][:_MOST_CANDIDATES])
        return Located(LocateStatus.AMBIGUOUS, candidates=candidates, message=CHOOSE)
    return _found(place_of(first))


def _by_state(features: Iterable[Feature]) -> list[Feature]:
    """Return the first place of each state, in the order given."""
    first: dict[str, Feature] = {}
    for feature in features:
        first.setdefault(feature.state, feature)
    return list(first.values())


def _found(place: Place, others: Iterable[Feature] = (), message: str = "") -> Located:
    candidates = tuple(other for other in _places(others) if other.label != place.label)
    return Located(LocateStatus.POINT, place, candidates, message)


def _places(features: Iterable[Feature]) -> tuple[Place, ...]:
    return tuple(place_of(feature) for feature in features)


def _in_english_order(key: str) -> str:
    """Return "harris county" for "condado de harris"."""
    spanish = _COUNTY_IN_SPANISH.match(key)
    return f"{spanish[2]} {'county' if spanish[1] == 'condado' else spanish[1]}" if spanish else key


def _state_splits(index: Index, text: str) -> list[tuple[str, str]]:
    """Return each way to read the text's last words as a state: the words before it and its code, longest first."""
    return [(name, state) for name, words in _endings(text) if (state := index.state_code(words))]


def _misspelled_state_splits(index: Index, text: str) -> list[tuple[str, str]]:
    names = index.states()
    return [(name, state) for name, words in _endings(text) if name and (state := misspelled_state(names, words))]


def _ends_in_state(index: Index, text: str) -> bool:
    return bool(_state_splits(index, text))


def _endings(text: str) -> list[tuple[str, str]]:
    words = place_key(text).split()
    longest = min(_LONGEST_STATE, len(words))
    return [(" ".join(words[:-count]), " ".join(words[-count:])) for count in range(longest, 0, -1)]
