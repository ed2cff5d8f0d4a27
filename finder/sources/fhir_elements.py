"""The elements of FHIR resources: read by their paths, with every shape checked, and turned into plain values."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from finder.domain.dates import is_iso
from finder.domain.entry import Rejected
from finder.domain.geo import GeoPoint
from finder.domain.identifiers import CCN_SYSTEM, NPI_SYSTEM, ccn_is_valid, npi_is_valid, specialty_code_is_valid
from finder.domain.person_names import credentials, name_suffix, proper_case
from finder.sources.fhir_files import SSN, Resource, Where
from finder.sources.reading import STATES, is_phone, is_zip

CMS_NPI_SYSTEM = "http://terminology.hl7.org/NamingSystem/npi"
_NPI_SYSTEMS = frozenset({NPI_SYSTEM, CMS_NPI_SYSTEM, "urn:oid:2.16.840.1.113883.4.6"})
_CCN_SYSTEMS = frozenset({CCN_SYSTEM, "http://terminology.hl7.org/NamingSystem/CCN", "urn:oid:2.16.840.1.113883.4.336"})
_DEGREES = "http://terminology.hl7.org/CodeSystem/v2-0360"
_LOST = frozenset({"inactive", "revoked"})  # codes of Plan-Net's QualificationStatusCS
_GENERATION = re.compile(r"(?:JR|SR|II|III|IV|V)\.?", re.IGNORECASE)
_EXTENSION = re.compile(r"(?:;?\s*ext\b|x)[.=:\s]*[0-9]+\s*$", re.IGNORECASE)
_REFERENCE = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]+)(?:/_history/[A-Za-z0-9\-.]+)?$")
_COUNTRIES = frozenset({"", "US", "USA", "UNITED STATES", "UNITED STATES OF AMERICA"})
_PRIVATE = frozenset({"home", "mobile", "old"})
_NAME_USES = ("official", "usual", "", "temp", "anonymous", "nickname", "maiden", "old")


class Malformed(ValueError):
    """An element does not have the shape that FHIR gives it."""

    def __init__(self, path: str, code: str, reason: str, value: str = "") -> None:
        super().__init__(reason)
        self.path, self.code, self.reason, self.value = path, code, reason, value


@dataclass(frozen=True, slots=True)
class Element:
    """An element and its path; what is absent reads as empty, what has another shape raises Malformed."""

    path: str
    body: Mapping[str, Any]

    def _at(self, name: str) -> str:
        return f"{self.path}.{name}"

    def text(self, name: str) -> str:
        """Return a text in one line."""
        return _text(self.body.get(name), self._at(name))

    def texts(self, name: str) -> list[str]:
        """Return the texts of a list; FHIR writes null where a list's value is not known."""
        return [text for one in self._list(name) if (text := _text(one, self._at(name)))]

    def each(self, name: str) -> list["Element"]:
        """Return the elements of a list."""
        return [Element(self._at(name), _object(one, self._at(name))) for one in self._list(name)]

    def one(self, name: str) -> "Element":
        """Return an element, an empty one when it is absent."""
        value = self.body.get(name)
        return Element(self._at(name), {} if value is None else _object(value, self._at(name)))

    def flag(self, name: str) -> bool | None:
        """Return a true or false, None when it is absent."""
        value = self.body.get(name)
        if value is not None and not isinstance(value, bool):
            raise Malformed(self._at(name), "malformed", "the value is neither true nor false")
        return value

    def number(self, name: str) -> float | None:
        """Return a number, None when it is absent."""
        value = self.body.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise Malformed(self._at(name), "malformed", "the value is not a number")
        return value

    def _list(self, name: str) -> list[Any]:
        value = self.body.get(name)
        if value is not None and not isinstance(value, list):
            raise Malformed(self._at(name), "malformed", "the value is not a list")
        return value or []


def _text(value: Any, path: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed(path, "malformed", "the value is not a text")
    text = " ".join(value.split())
    if not text.isprintable():
        raise Malformed(path, "bad-text", "the text has characters that cannot be printed")
    return text


def _object(value: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Malformed(path, "malformed", "the value is not an object")
    return value


@dataclass(slots=True)
class Notes:
    """What is wrong with the values of one resource, gathered while it is read."""

    where: Where
    found: list[Rejected] = field(default_factory=list)

    def add(self, path: str, value: str, code: str, reason: str) -> None:
        """Note that a value is left out."""
        self.found.append(self.where.rejected(path, value, code, f"{reason}; it is left out"))


def root(resource: Resource) -> Element:
    """Return a resource as an element; Malformed when its id is missing or looks like a Social Security number.

    CMS's releases leaked such numbers inside ids ("Practitioner-<number>"). Nine digits alone are the id that many
    servers give, so they are refused only behind the prefix.
    """
    kind, name = resource.where.kind, resource.where.id
    bare = name.removeprefix(f"{kind}-")
    if SSN.fullmatch(bare) and not (name.isdigit() and bare == name):
        raise Malformed(f"{kind}.id", "ssn-like", "the id looks like a Social Security number")
    if not name:
        raise Malformed(f"{kind}.id", "no-id", "the resource has no id, so nothing can refer to it")
    return Element(kind, resource.body)


@dataclass(frozen=True, slots=True)
class Identity:
    """The identifiers that count: every valid NPI and CCN, and whether the NPI is written as CMS's directory does."""

    npis: tuple[str, ...]
    ccns: tuple[str, ...]
    is_cms: bool


def identity(element: Element, notes: Notes) -> Identity:
    """Read the identifiers; one that looks like a Social Security number and is no NPI is noted, but not repeated."""
    npis: dict[str, None] = {}
    ccns: dict[str, None] = {}
    is_cms = False
    for one in element.each("identifier"):
        system, value, path = one.text("system"), one.text("value"), f"{one.path}.value"
        is_cms = is_cms or system == CMS_NPI_SYSTEM
        if one.text("use") == "old" or not value:
            continue
        if system in _NPI_SYSTEMS and npi_is_valid(value):
            npis[value] = None
        elif system in _CCN_SYSTEMS and ccn_is_valid(value):
            ccns[value] = None
        elif SSN.search(value):
            notes.add(path, "", "ssn-like", "the identifier looks like a Social Security number")
        elif system in _NPI_SYSTEMS:
            notes.add(path, value, "bad-npi", "this is not a National Provider Identifier")
        elif system in _CCN_SYSTEMS:
            notes.add(path, value, "bad-ccn", "this is not a CMS Certification Number")
    return Identity(tuple(npis), tuple(ccns), is_cms)


def changed_on(element: Element, notes: Notes) -> str:
    """Return the ISO date of meta.lastUpdated, "" when there is none."""
    text = element.one("meta").text("lastUpdated")
    day = text[:10]
    if text and not (len(day) == 10 and is_iso(day)):
        notes.add(f"{element.path}.meta.lastUpdated", text, "bad-date", "this is not a date of FHIR")
        return ""
    return day


def ended(element: Element, on: str) -> bool:
    """Tell whether the period of an element ended before a date; nothing has ended where no date is known."""
    end = element.one("period").text("end")
    return bool(end and on) and end[: len(on)] < on[: len(end)]


def target(element: Element, name: str) -> str:
    """Return the id that a reference points at, "" for none; Malformed for one that cannot be followed."""
    return _target(element.one(name))


def targets(element: Element, name: str) -> list[str]:
    """Return the ids that the references of a list point at."""
    return [found for one in element.each(name) if (found := _target(one))]


def _target(reference: Element) -> str:
    text = reference.text("reference")
    if not text or text.startswith("#"):
        return ""
    if text.startswith("urn:uuid:"):
        return text.removeprefix("urn:uuid:")
    match = _REFERENCE.search(text)
    if not match:
        raise Malformed(f"{reference.path}.reference", "bad-reference", "this is not a reference of FHIR", text)
    return match[2]


def specialty_codes(element: Element) -> list[str]:
    """Return the NUCC codes of a CodeableConcept.

    Only NUCC's codes have their shape, so the system is not asked: CMS's directory names a value set in its place.
    """
    return [code for coding in element.each("coding") if specialty_code_is_valid(code := coding.text("code"))]


def qualification_codes(practitioner: Element, on: str) -> list[str]:
    """Return the NUCC codes of the qualifications that were not lost or over on a date, each once."""
    codes = [
        code
        for one in practitioner.each("qualification")
        if not ended(one, on) and not _LOST & set(_statuses(one))
        for code in specialty_codes(one.one("code"))
    ]
    return list(dict.fromkeys(codes))


def _statuses(element: Element) -> Iterator[str]:
    for extension in element.each("extension"):
        if extension.text("url") == "status":
            yield extension.text("valueCode")
        yield from _statuses(extension)


def person_name(practitioner: Element) -> list[tuple[str, str]]:
    """Return the parts of the official name, else of the first, by field; Malformed when no name has a family."""
    names = [one for one in practitioner.each("name") if one.text("family")]
    if not names:
        raise Malformed("Practitioner.name.family", "missing", "there is no family name")
    name = min(names, key=_rank_of_name)
    given = name.texts("given")
    suffixes = name.texts("suffix")
    generations = [one for one in suffixes if _GENERATION.fullmatch(one)]
    degrees = [one for one in suffixes if not _GENERATION.fullmatch(one)] or _degrees(practitioner)
    parts = [
        ("family", proper_case(name.text("family"))),
        ("given", proper_case(given[0]) if given else ""),
        ("middle", proper_case(" ".join(given[1:]))),
        ("suffix", name_suffix(generations[0]) if generations else ""),
        ("credentials", credentials(", ".join(dict.fromkeys(degrees)))),
    ]
    return [(field, value) for field, value in parts if value]


def _rank_of_name(name: Element) -> int:
    use = name.text("use")
    return _NAME_USES.index(use) if use in _NAME_USES else len(_NAME_USES)


def _degrees(practitioner: Element) -> list[str]:
    return [
        coding.text("code")
        for one in practitioner.each("qualification")
        for coding in one.one("code").each("coding")
        if coding.text("system").partition("|")[0] == _DEGREES
    ]


@dataclass(frozen=True, slots=True)
class Address:
    """An address in the United States; what is not known or not usable is empty."""

    street: str = ""
    city: str = ""
    state: str = ""
    zip: str = ""

    @property
    def is_known(self) -> bool:
        """Tell whether the address names a town."""
        return bool((self.city and self.state) or self.zip)


def address(element: Element, notes: Notes) -> Address:
    """Read an Address; one in another country is noted and empty, as is a state or ZIP that does not exist."""
    country = element.text("country")
    if country.upper() not in _COUNTRIES:
        notes.add(f"{element.path}.country", country, "foreign", "the address is not in the United States")
        return Address()
    zip_code = re.sub(r"^([0-9]{5})-?[0-9]{4}$", r"\1", element.text("postalCode"))
    return Address(
        " ".join(element.texts("line")),
        proper_case(element.text("city")),
        _kept(element, "state", element.text("state").upper(), STATES.__contains__, notes),
        _kept(element, "postalCode", zip_code, is_zip, notes),
    )


def _kept(element: Element, name: str, value: str, test: Callable[[str], bool], notes: Notes) -> str:
    if not value or test(value):
        return value
    code, what = ("bad-state", "a US state or territory") if name == "state" else ("bad-zip", "a ZIP")
    notes.add(f"{element.path}.{name}", element.text(name), code, f"this is not {what}")
    return ""


def phone(element: Element, notes: Notes) -> str:
    """Return the first telephone number by rank, written as 617-555-0100, "" for none; extensions are left out."""
    for contact in _contacts(element, "phone", notes):
        text = contact.text("value").removeprefix("tel:")
        digits = re.sub(r"[^0-9]", "", _EXTENSION.sub("", text))
        digits = digits[1:] if len(digits) == 11 and digits.startswith("1") else digits
        number = f"{digits[:3]}-{digits[3:6]}-{digits[6:]}"
        if is_phone(number):
            return number
        notes.add(f"{contact.path}.value", text, "bad-phone", "this is not a US telephone number")
    return ""


def website(element: Element, notes: Notes) -> str:
    """Return the first address of the web by rank, "" for none."""
    for contact in _contacts(element, "url", Notes(notes.where)):  # what has no system is noted once, by phone()
        text = contact.text("value")
        if re.fullmatch(r"https?://[^\s\"'<>]+", text):
            return text
        notes.add(f"{contact.path}.value", text, "bad-url", "this is not an address of the web")
    return ""


def _contacts(element: Element, system: str, notes: Notes) -> list[Element]:
    found = [one for one in element.each("telecom") if one.text("value")]
    for one in found:
        if not one.text("system"):
            notes.add(f"{one.path}.system", one.text("value"), "no-system", "nothing tells what this number is")
    public = [one for one in found if one.text("system") == system and one.text("use") not in _PRIVATE]
    return sorted(public, key=lambda one: one.number("rank") or math.inf)


def position(element: Element, notes: Notes) -> tuple[str, str]:
    """Return latitude and longitude as texts, both empty when there is no usable position."""
    latitude, longitude = element.number("latitude"), element.number("longitude")
    if latitude is None and longitude is None:
        return "", ""
    try:
        if latitude is None or longitude is None:
            raise ValueError
        GeoPoint(latitude, longitude)
    except ValueError:
        notes.add(element.path, f"{latitude}, {longitude}", "bad-position", "this is not a position on Earth")
        return "", ""
    return str(latitude), str(longitude)
