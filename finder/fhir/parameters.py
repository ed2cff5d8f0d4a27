"""The search parameters of each resource type: one table reads requests, makes conditions and describes the server.

All resources of a listing stand or fall with it, so a parameter of one type is also a condition on every other type of
the same listing: that is what chains (location.near) and _has are.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from sqlalchemy import ColumnElement, Connection, false, func, literal, or_, select, true
from sqlalchemy import not_ as isnt

from finder.db import ImportRun, ListingRow, Organization, Override, Practitioner, PractitionerRole, SourceRecord
from finder.domain.identifiers import CENTER_SYSTEM, NPI_SYSTEM
from finder.domain.listing import Layer
from finder.domain.text import fold
from finder.fhir.near import circles, within
from finder.fhir.resources import (
    HOSPITALS,
    LONGEST_ID,
    NUCC,
    PLAN_NET,
    ROLE_CODE,
    TYPES,
    Resource,
    listing_of,
    short_id,
)

Kind = Literal["string", "token", "reference", "date", "special"]
Condition = ColumnElement[bool]
_T = ListingRow.__table__.c
_MODIFIERS: dict[str, tuple[str, ...]] = {"string": ("", "exact", "contains")}
_DATE = re.compile(
    r"(eq|ne|gt|lt|ge|le|sa|eb)?(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?(Z|[+-]\d\d:\d\d))?)?)?"
)


class Refused(ValueError):
    """A parameter cannot be taken; ``code`` is that of the OperationOutcome."""

    def __init__(self, name: str, words: str, code: str = "invalid") -> None:
        super().__init__(f"{name}: {words}")
        self.name, self.code = name, code


@dataclass(frozen=True, slots=True)
class Asked:
    """One value of a parameter as it was asked for: the text without its escapes, and the modifier behind the name.

    ``base`` is this server's address, before which a reference may be absolute.
    """

    connection: Connection
    name: str
    modifier: str
    text: str
    base: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """A search parameter: what it means, and what it makes: a condition on listings, a test on resources, or both."""

    name: str
    kind: Kind
    help: str
    condition: Callable[[Asked], Condition] | None = None
    test: Callable[[Resource, Asked], bool] | None = None

    @property
    def modifiers(self) -> tuple[str, ...]:
        """The modifiers that it takes, "" for none."""
        return _MODIFIERS.get(self.kind, ("",))


def token(text: str) -> tuple[str | None, str]:
    """Return (system, code) of a token; None is any system, "" is no system, and an empty code is any code."""
    system, bar, code = text.rpartition("|")
    return (system, code) if bar else (None, text)


def _is_token(text: str, system: str, codes: Iterable[str]) -> bool:
    wanted, code = token(text)
    return wanted in (None, system) and (code in codes or (not code and wanted is not None))


def _constant(system: str, code: str) -> Callable[[Asked], Condition]:
    """Make the condition of an element that has the same code in every resource."""

    def condition(asked: Asked) -> Condition:
        return true() if _is_token(asked.text, system, [code]) else false()

    return condition


def _active(asked: Asked) -> Condition:
    if asked.text not in ("true", "false"):
        raise Refused(asked.name, "must be true or false")
    return true() if asked.text == "true" else false()


def _nothing(_asked: Asked) -> Condition:
    return false()


def _spelled(column: ColumnElement[str], asked: Asked) -> Condition:
    """Compare without case and accents, which no two databases do alike: by the spellings that the directory holds."""
    if asked.modifier == "exact":
        return column == asked.text
    wanted = fold(asked.text)
    matches = str.__contains__ if asked.modifier == "contains" else str.startswith
    held = asked.connection.scalars(select(column).distinct())
    found = [one for one in held if wanted and one and matches(fold(one), wanted)]
    return column.in_(found) if found else false()


def _listed_name(asked: Asked) -> Condition:
    if asked.modifier == "exact":
        return _T.name == asked.text
    wanted = fold(asked.text)
    if not wanted:
        return false()
    return _T.name_key.contains(wanted) if asked.modifier == "contains" else _T.name_key.startswith(wanted)


def _person_name(asked: Asked) -> Condition:
    """Match any part of a name: a listing's folded name holds all of them, parted by blanks."""
    wanted = fold(asked.text)
    if asked.modifier:
        return _listed_name(asked)
    return (literal(" ") + _T.name_key).contains(f" {wanted}") if wanted else false()


def _person(column: ColumnElement[str]) -> Callable[[Asked], Condition]:
    people = Practitioner.__table__.c

    def condition(asked: Asked) -> Condition:
        named = select(people.id).where(_spelled(column, asked))
        return _T.practitioner_role_id.in_(named)

    return condition


def _address(*columns: ColumnElement[str]) -> Callable[[Asked], Condition]:
    def condition(asked: Asked) -> Condition:
        return or_(*(_spelled(column, asked) for column in columns))

    return condition


def _postal_code(asked: Asked) -> Condition:
    if not re.fullmatch(r"\d{1,5}(-\d{4})?", asked.text):
        return false()
    code = asked.text[:5]
    return _T.postal_code == code if asked.modifier == "exact" else _T.postal_code.startswith(code)


def _identified(layer: Layer, system: str) -> Callable[[Asked], Condition]:
    def condition(asked: Asked) -> Condition:
        wanted, value = token(asked.text)
        if wanted not in (None, system):
            return false()
        return (_T.layer == layer.number) & ((_T.slug == value) if value else true())

    return condition


def _specialty(asked: Asked) -> Condition:
    system, code = token(asked.text)
    if system not in (None, NUCC):
        return false()
    roles = PractitionerRole.__table__.c
    # A code has ten characters and codes are parted by blanks, so one never stands inside another.
    held = roles.specialties.contains(code, autoescape=True) if len(code) == 10 else roles.specialties == "-"
    held = roles.specialties != "" if not code else held
    return _T.practitioner_role_id.in_(select(roles.id).where(held))


def _hospital(asked: Asked) -> Condition:
    if not _is_token(asked.text, ROLE_CODE, ["HOSP"]):
        return false()
    return _T.organization_id.in_(select(Organization.id).where(Organization.type.in_(HOSPITALS)))


def _is_listings(asked: Asked) -> Condition:
    """Ask for the listing that has this id, or of whose id this is the shortened form."""
    if len(asked.text) < LONGEST_ID:
        return _T.id == asked.text
    begin_so = asked.connection.scalars(select(_T.id).where(_begins(asked)))
    return _T.id.in_([one for one in begin_so if short_id(one) == asked.text])


def _begins(asked: Asked) -> Condition:
    """Ask for the listings of which a resource with this id may be made."""
    id_, whole = listing_of(asked.text)
    return _T.id == id_ if whole else _T.id.startswith(id_, autoescape=True)


def _has_id(resource: Resource, asked: Asked) -> bool:
    return bool(resource["id"] == asked.text)


def _refers(type_: str, layer: Layer | None = None) -> Callable[[Asked], Condition]:
    """Make the condition of a reference to a resource of the same listing."""

    def condition(asked: Asked) -> Condition:
        relative = asked.text.removeprefix(f"{asked.base}/")
        named, slash, id_ = relative.rpartition("/")
        if slash and named != type_:
            return false()
        same = _is_listings(replace(asked, text=id_))
        return same & (_T.layer == layer.number) if layer else same

    return condition


def _last_updated(asked: Asked) -> Condition:
    match = _DATE.fullmatch(asked.text)
    if match is None:
        raise Refused(asked.name, "must be a date such as 2026-11-25, after eq, ne, gt, lt, ge, le, sa or eb")
    try:
        low, high = (one.astimezone(UTC) for one in _interval(match))
    except (ValueError, OverflowError):
        raise Refused(asked.name, "is not a day of the calendar that can be compared") from None
    conditions: dict[str, Callable[[], Condition]] = {
        "eq": lambda: _since(low) & isnt(_since(high)),
        "ne": lambda: isnt(_since(low) & isnt(_since(high))),
        "gt": lambda: _since(high),
        "sa": lambda: _since(high),
        "ge": lambda: _since(low),
        "lt": lambda: isnt(_since(low)),
        "eb": lambda: isnt(_since(low)),
        "le": lambda: isnt(_since(high)),
    }
    return conditions[match[1] or "eq"]()


def _interval(match: re.Match[str]) -> tuple[datetime, datetime]:
    """Return the first moment of what was written and the first one after it: a day, say, or a second."""
    year, month, day, hour, minute, second = (int(match[n]) if match[n] else None for n in range(2, 8))
    zone = datetime.fromisoformat(f"2000-01-01T00:00:00{match[8]}").tzinfo if match[8] else UTC
    low = datetime(year or 0, month or 1, day or 1, hour or 0, minute or 0, second or 0, tzinfo=zone)
    if month is None:
        return low, low.replace(year=low.year + 1)
    if day is None:
        return low, (low + timedelta(days=32)).replace(day=1)
    step = timedelta(days=1) if hour is None else timedelta(minutes=1) if second is None else timedelta(seconds=1)
    return low, low + step


def _since(moment: datetime) -> Condition:
    """Ask for the listings of which something changed at this moment or later, by an import or by hand."""
    imported = (
        select(SourceRecord.resource_id)
        .join(ImportRun, ImportRun.id == SourceRecord.changed_run)
        .where(SourceRecord.ending == "", ImportRun.finished_at >= moment)
    )
    corrected = select(Override.resource_id).where(func.coalesce(Override.withdrawn_at, Override.made_at) >= moment)
    return _T.slug.in_(imported) | _T.slug.in_(corrected)


def _near(asked: Asked) -> Condition:
    try:
        return within(circles(asked.text)[0])
    except ValueError as error:
        raise Refused(asked.name, str(error)) from None


def _codes(concepts: Iterable[Resource], asked: Asked) -> bool:
    codings = [coding for concept in concepts for coding in concept.get("coding", ())]
    return any(_is_token(asked.text, coding["system"], [coding["code"]]) for coding in codings)


def _coded(element: str) -> Callable[[Resource, Asked], bool]:
    return lambda resource, asked: _codes(resource.get(element, ()), asked)


def _named(resource: Resource, asked: Asked) -> bool:
    if asked.modifier == "exact":
        return bool(resource["name"] == asked.text)
    name, wanted = fold(resource["name"]), fold(asked.text)
    return bool(wanted) and (wanted in name if asked.modifier == "contains" else name.startswith(wanted))


_ADDRESS = (
    Parameter("address", "string", "Any part of the address.",
              _address(_T.street, _T.city, _T.state, _T.postal_code)),
    Parameter("address-city", "string", "The city.", _address(_T.city)),
    Parameter("address-state", "string", "The state, by its two letters.", _address(_T.state)),
    Parameter("address-postalcode", "string", "The ZIP code or its beginning.", _postal_code),
)  # fmt: skip
_ENDPOINT = Parameter("endpoint", "reference", "No endpoint is known: never matches.", _nothing)
_NETWORK = Parameter("network", "reference", "No insurance network is known: never matches.", _nothing)
_COVERAGE = Parameter("coverage-area", "reference", "No coverage area is known: never matches.", _nothing)
_SERVICE = Parameter("service", "reference", "No service is linked from here: never matches.", _nothing)
_ACTIVE = Parameter("active", "token", "Whether it is current; what has ended is not held.", _active)
_LOCATION = Parameter("location", "reference", "The place.", _refers("Location"))
_LAST_UPDATED = Parameter("_lastUpdated", "date", "When what is said last changed.", _last_updated)
_ID_OF_ONE = Parameter("_id", "token", "The id.", _is_listings)
_ID_OF_MANY = Parameter("_id", "token", "The id.", _begins, _has_id)

PARAMETERS: dict[str, dict[str, Parameter]] = {
    type_: {one.name: one for one in (_ID_OF_MANY if TYPES[type_].many else _ID_OF_ONE, _LAST_UPDATED, *own)}
    for type_, own in {
        "Practitioner": (
            Parameter("identifier", "token", "The NPI.", _identified(Layer.SPECIALISTS, NPI_SYSTEM)),
            _ACTIVE,
            Parameter("name", "string", "Any part of the name.", _person_name),
            Parameter("family", "string", "The family name.", _person(Practitioner.__table__.c.family)),
            Parameter("given", "string", "The given names.", _person(Practitioner.__table__.c.given)),
        ),
        "PractitionerRole": (
            Parameter("practitioner", "reference", "The person.", _refers("Practitioner")),
            Parameter("organization", "reference", "No organization is linked from here: never matches.", _nothing),
            _LOCATION, _SERVICE, _NETWORK, _ENDPOINT,
            Parameter("role", "token", "What the person is: ph, a physician.",
                      _constant(f"{PLAN_NET}/CodeSystem/ProviderRoleCS", "ph")),
            Parameter("specialty", "token", "The NUCC code of a specialty.", _specialty),
            _ACTIVE,
            Parameter("date", "date", "No period is known: never matches.", _nothing),
        ),
        "Organization": (
            Parameter("identifier", "token", "This directory's own name of a center.",
                      _identified(Layer.CENTERS, CENTER_SYSTEM)),
            _ACTIVE,
            Parameter("name", "string", "The name.", _listed_name),
            *_ADDRESS,
            Parameter("type", "token", "What it is: fac, a facility.",
                      _constant(f"{PLAN_NET}/CodeSystem/OrgTypeCS", "fac")),
            Parameter("partof", "reference", "Parents are told by name alone: never matches.", _nothing),
            _ENDPOINT, _COVERAGE,
        ),
        "Location": (
            Parameter("identifier", "token", "No identifier is known: never matches.", _nothing),
            Parameter("name", "string", "The name.", _listed_name),
            *_ADDRESS,
            Parameter("organization", "reference", "The center that is there.",
                      _refers("Organization", Layer.CENTERS)),
            Parameter("partof", "reference", "No larger place is known: never matches.", _nothing),
            _ENDPOINT,
            Parameter("type", "token", "What it is: HOSP, a hospital.", _hospital),
            Parameter("status", "token", "Whether it is current; what has ended is not held.",
                      _constant("http://hl7.org/fhir/location-status", "active")),
            Parameter("near", "special", "latitude|longitude[|distance[|units]]; km, m, [mi_i], [mi_us], mi or ft; "
                      "50 km unless told; at most 1,000 km. The nearest come first.", _near),
        ),
        "HealthcareService": (
            _LOCATION, _COVERAGE,
            Parameter("organization", "reference", "Who provides it.", _refers("Organization", Layer.CENTERS)),
            _ENDPOINT,
            Parameter("name", "string", "The name.", test=_named),
            Parameter("service-category", "token", "hosp, a hospital's.", test=_coded("category")),
            Parameter("service-type", "token", "Types are told in words alone: never matches.", _nothing),
            Parameter("specialty", "token", "No specialty is known: never matches.", _nothing),
            _ACTIVE,
        ),
        "OrganizationAffiliation": (
            Parameter("primary-organization", "reference", "Networks are told by name alone: never matches.", _nothing),
            Parameter("participating-organization", "reference", "The member.",
                      _refers("Organization", Layer.CENTERS)),
            _LOCATION, _SERVICE, _NETWORK, _ENDPOINT,
            Parameter("role", "token", "bt, member of.", test=_coded("code")),
            Parameter("specialty", "token", "No specialty is known: never matches.", _nothing),
            _ACTIVE,
        ),
    }.items()
}  # fmt: skip
"""The parameters of each type, by name; those that begin with _ and shape the answer stand in finder.fhir.searching."""


def split(text: str) -> Sequence[str]:
    """Return the values of a list that commas part; a backslash takes a comma, bar, dollar or itself literally."""
    parts = re.findall(r"(?:\\.|[^,\\])+", text)
    return [re.sub(r"\\([\\,$])", r"\1", part) for part in parts]
