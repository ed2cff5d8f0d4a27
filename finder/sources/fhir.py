"""FHIR R4 provider directories: Bundles, pages of search results and bulk NDJSON, such as CMS's National Directory.

Files of any size are read in four passes, and only what is wanted is held: first which practitioners treat leukemia by
a qualification or an active role, then they and their active roles, then organizations, then locations.

Every statement has the date of meta.lastUpdated of the resource that it comes from. In CMS's National Provider
Directory, known by the system of its NPIs, that date is the day of the export: it changes when nothing else did, so
it is left out there.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from finder.domain.dates import is_iso
from finder.domain.entry import Delivery, Entry, Identifier, Rejected, Statement
from finder.domain.entry import Resource as Kind
from finder.domain.identifiers import CCN_SYSTEM, NPI_SYSTEM, specialty_code_is_valid
from finder.errors import SourceError
from finder.sources import fhir_elements as elements
from finder.sources.fhir_elements import Address, Element, Identity, Malformed, Notes
from finder.sources.fhir_files import Readings, Resource, Where, look_into

_CORE = frozenset({"207RH0003X", "207RH0000X", "207RX0202X", "2080P0207X"})
_CORE_CODE = re.compile(b"|".join(code.encode() for code in sorted(_CORE)))
# Writers of JSON leave letters, digits, "-" and "." as they are, so ids can be found before a line is parsed; some
# write "/" as "\/". Each pattern begins with fixed letters, which makes it ten times as fast as one for all.
_IDS = tuple(
    re.compile(start + rb"([A-Za-z0-9\-.]+)")
    for start in (rb'"id"\s*:\s*"', rb"Practitioner\\?/", rb"Organization\\?/", rb"urn:uuid:")
)
_CCN = re.compile(rb"ccn|2\.16\.840\.1\.113883\.4\.336", re.IGNORECASE)
_LOCATION_STATUS = {"active": True, "": True, "suspended": False, "inactive": False}
_CMS = ("CMS National Provider Directory", "https://directory.cms.gov/")
_OTHER = ("a FHIR provider directory", "")


@dataclass(frozen=True, slots=True)
class _Thing:
    """What every resource has: its place, the date of its last change, and what was wrong with its values."""

    where: Where = field(compare=False)
    as_of: str
    warnings: tuple[Rejected, ...] = field(compare=False)


@dataclass(frozen=True, slots=True)
class _Practitioner(_Thing):
    npi: str
    active: bool
    name: tuple[tuple[str, str], ...]
    codes: tuple[str, ...]
    address: Address
    phone: str
    is_cms: bool


@dataclass(frozen=True, slots=True)
class _Role(_Thing):
    active: bool
    practitioner: str
    organization: str
    organization_name: str
    locations: tuple[str, ...]
    codes: tuple[str, ...]
    phone: str


@dataclass(frozen=True, slots=True)
class _Organization(_Thing):
    identifier: Identifier | None
    active: bool
    name: str
    parent: str
    parent_name: str
    facts: tuple[tuple[str, str], ...]
    address: Address
    phone: str
    is_cms: bool


@dataclass(frozen=True, slots=True)
class _Location(_Thing):
    active: bool
    organization: str
    address: Address
    phone: str
    position: tuple[str, str]


_T = TypeVar("_T", bound=_Thing)


def identify(path: Path) -> Delivery:
    """Return what a file or folder holds; a manifest in the folder tells the date of the release."""
    files = look_into(path)
    kinds = sorted({kind for file in files for kind in file.kinds})
    count = "1 file" if len(files) == 1 else f"{len(files)} files"
    return Delivery("full", f"FHIR directory: {', '.join(kinds)} in {count}", _release(path))


def _release(path: Path) -> str:
    try:
        manifest = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    fields = manifest if isinstance(manifest, dict) else {}
    day = str(fields.get("generated_at") or fields.get("transactionTime") or "")[:10]
    return day if is_iso(day) else ""


def read(path: Path, progress: Callable[[int], None]) -> Iterator[Entry | Rejected]:
    """Return one entry for each practitioner who treats leukemia and for each organization of theirs or with a CCN.

    The first pass is made here, so that a file that breaks off stops the import before its first row.
    """
    readings = Readings(look_into(path), progress)
    directory = _Directory(readings)
    rejected = list(directory.find())
    if readings.kinds().isdisjoint({"Practitioner", "Organization"}):
        raise SourceError(f"{path.name} holds no Practitioner and no Organization. Give the files of these as well.")
    return _entries(directory, rejected)


@dataclass(slots=True)
class _Directory:
    """The resources of one delivery that are wanted, by id."""

    readings: Readings
    wanted: dict[str, Where] = field(default_factory=dict)
    practitioners: dict[str, _Practitioner] = field(default_factory=dict)
    roles: dict[str, _Role] = field(default_factory=dict)
    organizations: dict[str, _Organization] = field(default_factory=dict)
    locations: dict[str, _Location] = field(default_factory=dict)
    _malformed: set[Where] = field(default_factory=set)

    def find(self) -> Iterator[Rejected]:
        """Note the practitioners who treat leukemia, each with the resource that says so."""
        yield from self._pass({"Practitioner", "PractitionerRole"}, _has_core_code, (0, 1 / 2), self._note)

    def gather(self) -> Iterator[Rejected]:
        """Take them, what their active roles refer to, and the organizations with a CCN."""
        people = {"Practitioner", "PractitionerRole"}
        yield from self._pass(people, _has_one_of(self.wanted), (1 / 2, 2 / 3), self._take_person)
        yield from self._without_practitioner()
        employers = {role.organization for role in self.roles.values()}
        has_employer = _has_one_of(employers)
        yield from self._pass(
            {"Organization"},
            lambda line: has_employer(line) or _CCN.search(line) is not None,
            (2 / 3, 5 / 6),
            lambda resource: self._take_organization(resource, employers),
        )
        places = {name for role in self.roles.values() for name in role.locations}
        has_place = _has_one_of(places | set(self.organizations))
        yield from self._pass(
            {"Location"}, has_place, (5 / 6, 1), lambda resource: self._take_location(resource, places)
        )

    def _pass(
        self,
        kinds: set[str],
        wanted: Callable[[bytes], bool],
        share: tuple[float, float],
        use: Callable[[Resource], Rejected | None],
    ) -> Iterator[Rejected]:
        for found in self.readings.read(frozenset(kinds), wanted, share):
            rejected = found if isinstance(found, Rejected) else self._used(found, use)
            if rejected:
                yield rejected

    def _used(self, resource: Resource, use: Callable[[Resource], Rejected | None]) -> Rejected | None:
        where = resource.where
        try:
            return use(resource)
        except Malformed as error:
            if where.kind == "Practitioner":
                self.wanted.pop(where.id, None)
            if where in self._malformed:
                return None
            self._malformed.add(where)
            return where.rejected(error.path, error.value, error.code, error.reason)

    def _note(self, resource: Resource) -> Rejected | None:
        root, where = elements.root(resource), resource.where
        if where.kind == "Practitioner":
            on = elements.changed_on(root, Notes(where))
            if _CORE.intersection(elements.qualification_codes(root, on)):
                self.wanted[where.id] = where
            return None
        role = _role(resource)
        if role.active and _CORE.intersection(role.codes):
            if not role.practitioner:
                reason = "the role names no practitioner"
                return where.rejected("PractitionerRole.practitioner", "", "missing-reference", reason)
            self.wanted.setdefault(role.practitioner, where)
        return None

    def _take_person(self, resource: Resource) -> Rejected | None:
        if resource.where.kind == "Practitioner":
            if resource.where.id in self.wanted:
                return _keep(self.practitioners, _practitioner(resource))
            return None
        role = _role(resource)
        return _keep(self.roles, role) if role.active and role.practitioner in self.wanted else None

    def _without_practitioner(self) -> Iterator[Rejected]:
        for name, where in self.wanted.items():
            if name not in self.practitioners:
                reason = "the practitioner of this role is not among the files"
                yield where.rejected("PractitionerRole.practitioner", name, "missing-reference", reason)
        self.roles = {name: role for name, role in self.roles.items() if role.practitioner in self.practitioners}

    def _take_organization(self, resource: Resource, employers: set[str]) -> Rejected | None:
        organization = _organization(resource)
        has_ccn = organization.identifier is not None and organization.identifier.system == CCN_SYSTEM
        wanted = has_ccn or resource.where.id in employers
        return _keep(self.organizations, organization) if wanted else None

    def _take_location(self, resource: Resource, places: set[str]) -> Rejected | None:
        location = _location(resource)
        wanted = resource.where.id in places or location.organization in self.organizations
        return _keep(self.locations, location) if wanted else None


def _has_core_code(line: bytes) -> bool:
    return _CORE_CODE.search(line) is not None


def _has_one_of(names: Iterable[str]) -> Callable[[bytes], bool]:
    encoded = {name.encode() for name in names}
    return lambda line: any(not encoded.isdisjoint(pattern.findall(line)) for pattern in _IDS)


def _keep(store: dict[str, _T], thing: _T) -> Rejected | None:
    """Keep a resource; the same one again, as on two pages of a search, is nothing to speak of."""
    kept = store.setdefault(thing.where.id, thing)
    if kept == thing:
        return None
    return thing.where.rejected(f"{thing.where.kind}.id", thing.where.id, "duplicate", "another resource has this id")


def _practitioner(resource: Resource) -> _Practitioner:
    root, notes = elements.root(resource), Notes(resource.where)
    found = elements.identity(root, notes)
    on = elements.changed_on(root, notes)
    work = next((one for one in root.each("address") if one.text("use") == "work"), None)
    return _Practitioner(
        npi=_only_npi(found, notes),
        active=root.flag("active") is not False,
        name=tuple(elements.person_name(root)),
        codes=tuple(elements.qualification_codes(root, on)),
        address=elements.address(work, notes) if work else Address(),
        phone=elements.phone(root, notes),
        is_cms=found.is_cms,
        where=resource.where,
        as_of=on,
        warnings=tuple(notes.found),
    )


def _only_npi(found: Identity, notes: Notes) -> str:
    if len(found.npis) == 1:
        return found.npis[0]
    path = "Practitioner.identifier"
    if found.npis:
        raise Malformed(path, "several-npis", "the practitioner has more than one NPI", ", ".join(found.npis))
    for note in notes.found:
        if note.code in ("bad-npi", "ssn-like"):
            raise Malformed(note.column, note.code, note.reason.partition(": ")[2].partition(";")[0], note.value)
    raise Malformed(path, "no-npi", "the practitioner has no NPI")


def _role(resource: Resource) -> _Role:
    root, notes = elements.root(resource), Notes(resource.where)
    on = elements.changed_on(root, notes)
    codes = [code for one in root.each("specialty") for code in elements.specialty_codes(one)]
    return _Role(
        active=root.flag("active") is not False and not elements.ended(root, on),
        practitioner=elements.target(root, "practitioner"),
        organization=elements.target(root, "organization"),
        organization_name=root.one("organization").text("display"),
        locations=tuple(elements.targets(root, "location")),
        codes=tuple(dict.fromkeys(codes)),
        phone=elements.phone(root, notes),
        where=resource.where,
        as_of=on,
        warnings=tuple(notes.found),
    )


def _organization(resource: Resource) -> _Organization:
    root, notes = elements.root(resource), Notes(resource.where)
    found = elements.identity(root, notes)
    sites = [one for one in root.each("address") if one.text("use") not in ("old", "home", "billing")]
    sites = [one for one in sites if one.text("type") != "postal"]
    return _Organization(
        identifier=_first_identifier(found),
        active=root.flag("active") is not False,
        name=root.text("name"),
        parent=elements.target(root, "partOf"),
        parent_name=root.one("partOf").text("display"),
        facts=tuple(_facts(root, notes)),
        address=elements.address(sites[0], notes) if sites else Address(),
        phone=elements.phone(root, notes),
        is_cms=found.is_cms,
        where=resource.where,
        as_of=elements.changed_on(root, notes),
        warnings=tuple(notes.found),
    )


def _first_identifier(found: Identity) -> Identifier | None:
    if found.ccns:
        return Identifier(CCN_SYSTEM, found.ccns[0])
    return Identifier(NPI_SYSTEM, found.npis[0]) if found.npis else None


def _facts(organization: Element, notes: Notes) -> Iterator[tuple[str, str]]:
    """Return the other names, the kinds that NUCC has a name for, and the website, by field."""
    yield from (("other_name", alias) for alias in organization.texts("alias"))
    for kind in organization.each("type"):
        for coding in kind.each("coding"):
            if specialty_code_is_valid(coding.text("code")) and coding.text("display"):
                yield "facility_type", coding.text("display")
    if url := elements.website(organization, notes):
        yield "website", url


def _location(resource: Resource) -> _Location:
    root, notes = elements.root(resource), Notes(resource.where)
    status = root.text("status")
    if status not in _LOCATION_STATUS:
        raise Malformed("Location.status", "bad-status", "this is not a status of FHIR", status)
    return _Location(
        active=_LOCATION_STATUS[status],
        organization=elements.target(root, "managingOrganization"),
        address=elements.address(root.one("address"), notes),
        phone=elements.phone(root, notes),
        position=elements.position(root.one("position"), notes),
        where=resource.where,
        as_of=elements.changed_on(root, notes),
        warnings=tuple(notes.found),
    )


def _entries(directory: _Directory, rejected: list[Rejected]) -> Iterator[Entry | Rejected]:
    yield from rejected
    yield from directory.gather()
    listing = _Listing(directory)
    for practitioner in directory.practitioners.values():
        yield listing.once(listing.practitioner(practitioner))
    for organization in directory.organizations.values():
        yield listing.once(listing.organization(organization))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a practitioner works: an address with the resources that state it and the telephone number."""

    address: Address
    stated_by: _Thing
    phone: str
    phone_by: _Thing


class _Listing:
    """The entries that follow from the resources of a directory."""

    def __init__(self, directory: _Directory) -> None:
        self._directory = directory
        self._is_cms = any(one.is_cms for one in directory.practitioners.values()) or any(
            one.is_cms for one in directory.organizations.values()
        )
        self._source, self._url = _CMS if self._is_cms else _OTHER
        self._roles: dict[str, list[_Role]] = defaultdict(list)
        for role in directory.roles.values():
            self._roles[role.practitioner].append(role)
        self._sites: dict[str, list[_Location]] = defaultdict(list)
        for location in directory.locations.values():
            if location.active:
                self._sites[location.organization].append(location)
        self._seen: set[Identifier] = set()

    def once(self, entry: Entry | Rejected) -> Entry | Rejected:
        """Return an entry, or the word that its NPI or CCN was there before."""
        if isinstance(entry, Rejected):
            return entry
        name = entry.identifiers[0]
        if name in self._seen:
            reason = f"{entry.file}: the identifier stands twice"
            return Rejected(entry.line, entry.key, "identifier.value", name.value, "duplicate", reason)
        self._seen.add(name)
        return entry

    def practitioner(self, one: _Practitioner) -> Entry | Rejected:
        """Return the entry of a practitioner at the places of the active roles, those for leukemia first."""
        identifier = Identifier(NPI_SYSTEM, one.npi)
        if not one.active:
            return self._ended(one, one.npi, "PractitionerRole", identifier)
        roles = sorted(self._roles[one.where.id], key=self._rank)
        places = self._places(one, roles)
        statements = [
            *(self._says(one, field, value) for field, value in one.name),
            *self._specialties(one, roles),
            *self._employer(roles),
            *(self._at(places[0]) if places else ()),
            *(self._other(place) for place in places[1:]),
        ]
        warnings = [*one.warnings, *(note for role in roles for note in self._role_warnings(role))]
        return self._entry(one, one.npi, "PractitionerRole", identifier, statements, warnings)

    def organization(self, one: _Organization) -> Entry | Rejected:
        """Return the entry of an organization at its address, or at its only location when it states none."""
        if one.identifier is None:
            reason = "the organization has neither a CCN nor an NPI"
            return one.where.rejected("Organization.identifier", "", "no-identifier", reason)
        key = f"org:{one.where.id}"
        if not one.active:
            return self._ended(one, key, "Organization", one.identifier)
        if not one.name:
            return one.where.rejected("Organization.name", "", "missing", "the organization has no name")
        parent = self._directory.organizations.get(one.parent)
        statements = [
            self._says(one, "name", one.name),
            *(self._says(one, field, value) for field, value in one.facts),
            *self._some(one, [("parent", parent.name if parent else one.parent_name)]),
            *self._site(one),
        ]
        return self._entry(one, key, "Organization", one.identifier, statements, one.warnings)

    def _says(self, thing: _Thing, field: str, value: str, note: str = "") -> Statement:
        return Statement(field, value, self._source, self._url, "" if self._is_cms else thing.as_of, note=note)

    def _some(self, thing: _Thing, values: Iterable[tuple[str, str]]) -> list[Statement]:
        return [self._says(thing, field, value) for field, value in values if value]

    def _entry(
        self,
        thing: _Thing,
        key: str,
        kind: Kind,
        identifier: Identifier,
        statements: Sequence[Statement],
        warnings: Sequence[Rejected],
    ) -> Entry:
        updated = "" if self._is_cms else thing.as_of
        where = thing.where
        return Entry(key, kind, (identifier,), tuple(statements), "", updated, where.file, where.line, tuple(warnings))

    def _ended(self, thing: _Thing, key: str, kind: Kind, identifier: Identifier) -> Entry | Rejected:
        if not thing.as_of:
            path = f"{thing.where.kind}.active"
            reason = "the resource is not active, and nothing tells since when"
            return thing.where.rejected(path, "false", "inactive-undated", reason)
        return replace(self._entry(thing, key, kind, identifier, (), thing.warnings), ended_on=thing.as_of)

    def _rank(self, role: _Role) -> tuple[bool, bool, str]:
        """Order roles so that the order of the files does not matter."""
        return not _CORE.intersection(role.codes), not self._locations(role), role.where.id

    def _locations(self, role: _Role) -> list[_Location]:
        found = (self._directory.locations.get(name) for name in role.locations)
        return [one for one in found if one and one.active and one.address.is_known]

    def _places(self, practitioner: _Practitioner, roles: Sequence[_Role]) -> list[_Place]:
        places: dict[Address, _Place] = {}
        for role in roles:
            for location in self._locations(role):
                by_role = bool(role.phone)
                phone, phone_by = (role.phone, role) if by_role else (location.phone, location)
                places.setdefault(location.address, _Place(location.address, location, phone, phone_by))
        if not places and practitioner.address.is_known:
            place = _Place(practitioner.address, practitioner, practitioner.phone, practitioner)
            return [place]
        return list(places.values())

    def _at(self, place: _Place) -> list[Statement]:
        return [*self._address(place.stated_by, place.address), *self._some(place.phone_by, [("phone", place.phone)])]

    def _address(self, thing: _Thing, address: Address) -> list[Statement]:
        return self._some(thing, ((name, getattr(address, name)) for name in ("street", "city", "state", "zip")))

    def _other(self, place: _Place) -> Statement:
        address = place.address
        parts = (address.street, address.city, f"{address.state} {address.zip}".strip())
        return self._says(place.stated_by, "other_location", ", ".join(part for part in parts if part), place.phone)

    def _specialties(self, practitioner: _Practitioner, roles: Sequence[_Role]) -> Iterator[Statement]:
        stated: dict[str, _Thing] = dict.fromkeys(practitioner.codes, practitioner)
        for role in roles:
            for code in role.codes:
                stated.setdefault(code, role)
        return (self._says(thing, "specialty", code) for code, thing in stated.items())

    def _employer(self, roles: Sequence[_Role]) -> list[Statement]:
        for role in roles:
            organization = self._directory.organizations.get(role.organization)
            if organization and organization.active and organization.name:
                return [self._says(organization, "organization_name", organization.name)]
            if not organization and role.organization_name:
                return [self._says(role, "organization_name", role.organization_name)]
        return []

    def _role_warnings(self, role: _Role) -> Iterator[Rejected]:
        yield from role.warnings
        if role.organization and role.organization not in self._directory.organizations:
            yield self._missing(role, "organization", role.organization)
        for name in role.locations:
            location = self._directory.locations.get(name)
            if location is None:
                yield self._missing(role, "location", name)
            else:
                yield from location.warnings

    def _missing(self, role: _Role, element: str, name: str) -> Rejected:
        reason = f"the {element} of the role is not among the usable resources; it is left out"
        return role.where.rejected(f"PractitionerRole.{element}", name, "missing-reference", reason)

    def _site(self, one: _Organization) -> list[Statement]:
        sites = self._sites[one.where.id]
        if not one.address.is_known:
            if len(sites) != 1:  # which of several is the organization's own, nobody says
                return self._some(one, [("phone", one.phone)])
            site = sites[0]
            phone, phone_by = (one.phone, one) if one.phone else (site.phone, site)
            place = _Place(site.address, site, phone, phone_by)
            return [*self._at(place), *self._position(site)]
        same = next((site for site in sites if _is_same(site.address, one.address)), None)
        place = _Place(one.address, one, one.phone, one)
        return [*self._at(place), *(self._position(same) if same else ())]

    def _position(self, site: _Location) -> list[Statement]:
        return self._some(site, zip(("latitude", "longitude"), site.position, strict=True))


def _is_same(one: Address, other: Address) -> bool:
    return one.zip == other.zip and one.street.casefold() == other.street.casefold()
