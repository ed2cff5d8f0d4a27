"""From a listing to the FHIR resources that say the same.

What is unknown is left out; a program or an accreditation is told as stated by its source, never as certified now.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from finder.domain.entry import Statement
from finder.domain.identifiers import CENTER_SYSTEM, NPI_SYSTEM
from finder.domain.listing import Layer, Listing
from finder.domain.terminology import Terminology
from finder.search import LISTINGS_KEPT

Resource = dict[str, Any]
Make = Callable[[Listing, Terminology], Iterator[Resource]]

PLAN_NET = "http://hl7.org/fhir/us/davinci-pdex-plan-net"
NUCC = "http://nucc.org/provider-taxonomy"
_FACET = "http://hl7.org/fhir/us/ndh/CodeSystem/FaCeT-org-credentialCS"
ROLE_CODE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
_URI = "urn:ietf:rfc:3986"
PRECISION = "urn:all-care-finder:position-precision"
LONGEST_ID = 64  # FHIR's data type id
_HASH = 12

_LINES = {
    "new_patient_phone": ("phone", "New patients"),
    "referral_phone": ("phone", "Doctors who refer"),
    "referral_fax": ("fax", "Doctors who refer"),
    "trial_contact_phone": ("phone", "Trials"),
}
_SERVICES = {
    "leukemia_program": "leukemia-program",
    "allogeneic_transplant": "transplant",
    "autologous_transplant": "transplant-autologous",
    "car_t": "car-t",
    "aya_program": "aya-program",
}
_CREDENTIALS = {
    ("nci_designation", "comprehensive"): ("2001", "NCI Comprehensive Cancer Center", "nci-comprehensive"),
    ("nci_designation", "clinical"): ("2000", "NCI Designated Cancer Center", "nci-clinical"),
    ("fact_accredited", "yes"): ("1902", "FACT Cellular Therapy Accreditation", "fact"),
}
_MEMBERSHIPS = {"cog_member": "cog", "nccn_member": "nccn", "nmdp_network": "nmdp"}
HOSPITALS = frozenset({"hospital", "childrens-hospital"})


@dataclass(frozen=True, slots=True, eq=False)
class Type:
    """A resource type that the directory holds: whence it comes, how it is made, and what it refers to.

    ``references`` are search parameters and the types that they lead to; ``required`` are the elements that the profile
    demands, ``summary`` those that FHIR counts to a summary; ``many`` tells that a listing may make any
    number of them, not just one. Without the element ``claims_with`` a resource does not follow the profile.
    """

    name: str
    layers: tuple[Layer, ...]
    make: Make
    references: Mapping[str, str]
    required: tuple[str, ...]
    summary: tuple[str, ...]
    many: bool = False
    claims_with: str = ""

    @property
    def profile(self) -> str:
        """The address of the profile that its resources follow."""
        return f"{PLAN_NET}/StructureDefinition/plannet-{self.name}"


def short_id(text: str) -> str:
    """Return an id of at most 64 characters; a longer text keeps its beginning and ends in a hash of all of it."""
    if len(text) <= LONGEST_ID:
        return text
    return f"{text[: LONGEST_ID - _HASH - 1]}-{hashlib.sha256(text.encode()).hexdigest()[:_HASH]}"


def listing_of(resource_id: str) -> tuple[str, bool]:
    """Return the id of the listing behind a resource and True, or of a shortened id how that begins and False."""
    whole = len(resource_id) < LONGEST_ID
    known = resource_id if whole else resource_id[: LONGEST_ID - _HASH - 1]
    return known.partition(".")[0], whole


def _id(listing: Listing, fact: Statement | None = None) -> str:
    if fact is None:
        return short_id(listing.id)
    said = "|".join((fact.field, fact.value, fact.population, fact.scope, fact.source, fact.url))
    part = hashlib.sha256(said.encode()).hexdigest()[:_HASH]
    return short_id(f"{listing.id}.{fact.field.replace('_', '-')}.{part}")


def _reference(type_: str, listing: Listing) -> Resource:
    return {"reference": f"{type_}/{_id(listing)}", "display": listing.name}


def _present(resource: Resource) -> Resource:
    """Leave out what is empty: FHIR has neither empty texts nor empty lists."""
    return {name: value for name, value in resource.items() if value not in ("", None, [], {})}


def _concept(system: str, code: str, display: str = "", text: str = "") -> Resource:
    return _present({"coding": [_present({"system": system, "code": code, "display": display})], "text": text})


def _plan_net(name: str, code: str, display: str, text: str = "") -> Resource:
    return _concept(f"{PLAN_NET}/CodeSystem/{name}", code, display, text)


def _address(listing: Listing) -> Resource:
    address = listing.address
    return _present(
        {
            "use": "work",
            "type": "physical",
            "text": str(address),
            "line": [address.street] if address.street else [],
            "city": address.city,
            "state": address.state,
            "postalCode": address.postal_code,
            "country": "US",
        }
    )


def _telecom(fact: Statement | None, system: str = "phone") -> list[Resource]:
    return [{"system": system, "value": fact.value, "use": "work"}] if fact else []


def _main_phone(listing: Listing) -> Statement | None:
    return next((one for one in listing.facts_about("phone") if one.audience != "clinician"), None)


def _stated(fact: Statement) -> str:
    """Return who says so and when, in words."""
    parts = [f"Stated by {fact.source}, {fact.as_of or 'undated'}."]
    parts += [f"Age group: {fact.population}." if fact.population else "Age group not stated."]
    return " ".join([*parts, *([f"Scope: {fact.scope}."] if fact.scope else [])])


def _practitioners(listing: Listing, terminology: Terminology) -> Iterator[Resource]:
    said = {name: fact.value for name in ("family", "given", "middle", "suffix", "credentials")
            if (fact := listing.first(name))}  # fmt: skip
    name = _present(
        {
            "use": "official",
            "text": listing.name,
            "family": said.get("family"),
            "given": [said[part] for part in ("given", "middle") if part in said],
            "suffix": [said[part] for part in ("suffix", "credentials") if part in said],
        }
    )
    yield {
        "id": _id(listing),
        "identifier": [{"use": "official", "system": NPI_SYSTEM, "value": listing.slug}],
        "active": True,
        "name": [name],
        "qualification": [{"code": one} for one in _specialties(listing, terminology)],
    }


def _specialties(listing: Listing, terminology: Terminology) -> list[Resource]:
    codes = dict.fromkeys(fact.value for fact in listing.facts_about("specialty"))
    known = {code: terminology.specialty(code) for code in codes}
    return [_concept(NUCC, code, one.display_name if one else "") for code, one in known.items()]


def _roles(listing: Listing, terminology: Terminology) -> Iterator[Resource]:
    practice = listing.first("organization_name")
    yield {
        "id": _id(listing),
        "active": True,
        "practitioner": _reference("Practitioner", listing),
        "organization": {"display": practice.value} if practice else None,
        "code": [_plan_net("ProviderRoleCS", "ph", "Physician")],
        "specialty": _specialties(listing, terminology),
        "location": [_reference("Location", listing)],
        "telecom": _telecom(_main_phone(listing)),
    }


def _organizations(listing: Listing, terminology: Terminology) -> Iterator[Resource]:
    parent, website = listing.first("parent"), listing.first("website")
    yield {
        "id": _id(listing),
        "extension": list(_credentials(listing, terminology)),
        "identifier": [{"system": CENTER_SYSTEM, "value": listing.slug}],
        "active": True,
        "type": [_plan_net("OrgTypeCS", "fac", "Facility")],
        "name": listing.name,
        "telecom": [*_telecom(_main_phone(listing)), *_telecom(website, "url")],
        "address": [_address(listing)],
        "partOf": {"display": parent.value} if parent else None,
        "contact": [
            {"purpose": {"text": _words(whom, fact)}, "telecom": _telecom(fact, system)}
            for field, (system, whom) in _LINES.items()
            for fact in listing.facts_about(field)
        ],
    }


def _words(whom: str, fact: Statement) -> str:
    return f"{whom} ({fact.scope})" if fact.scope else whom


def _credentials(listing: Listing, terminology: Terminology) -> Iterator[Resource]:
    """Yield each designation and accreditation; that it holds today is more than a list of some date can tell."""
    for fact in listing.facts:
        known = _CREDENTIALS.get((fact.field, fact.value))
        if known:
            code, display, designation = known
            issuer = terminology.designation(designation)
            parts: list[Resource] = [
                {"url": "code", "valueCodeableConcept": _concept(_FACET, code, display, _stated(fact))},
                {"url": "issuer", "valueReference": _outside(issuer.url, issuer.source)},
                {"url": "status", "valueCode": "unknown"},
            ]
            yield {"url": f"{PLAN_NET}/StructureDefinition/qualification", "extension": parts}


def _outside(url: str, name: str) -> Resource:
    """Return a reference to somebody whom this directory names and does not list."""
    return {"identifier": {"system": _URI, "value": url}, "display": name}


def _locations(listing: Listing, terminology: Terminology) -> Iterator[Resource]:
    kind, center = listing.first("facility_type"), listing.layer is Layer.CENTERS
    hospital = kind is not None and kind.value in HOSPITALS
    precision = listing.precision.value if listing.precision else ""
    yield {
        "id": _id(listing),
        "status": "active",
        "name": listing.name,
        "type": [_concept(ROLE_CODE, "HOSP", "Hospital")] if hospital else [],
        "telecom": _telecom(_main_phone(listing)),
        "address": _address(listing),
        "position": _position(listing, precision),
        "managingOrganization": _reference("Organization", listing) if center else None,
    }


def _position(listing: Listing, precision: str) -> Resource:
    if listing.point is None:
        return {}
    return _present(
        {
            "extension": [{"url": PRECISION, "valueCode": precision}] if precision else [],
            "longitude": listing.point.longitude,
            "latitude": listing.point.latitude,
        }
    )


def _services(listing: Listing, terminology: Terminology) -> Iterator[Resource]:
    for fact in _distinct(listing, _SERVICES):
        known = terminology.designation(_SERVICES[fact.field])
        yield {
            "id": _id(listing, fact),
            "active": True,
            "providedBy": _reference("Organization", listing),
            "category": [_plan_net("HealthcareServiceCategoryCS", "hosp", "Hospital")],
            "type": [{"text": known.name}],
            "location": [_reference("Location", listing)],
            "name": known.name,
            "comment": _stated(fact),
        }


def _affiliations(listing: Listing, terminology: Terminology) -> Iterator[Resource]:
    for fact in _distinct(listing, _MEMBERSHIPS):
        network = terminology.designation(_MEMBERSHIPS[fact.field])
        yield {
            "id": _id(listing, fact),
            "active": True,
            "organization": _outside(network.url, network.source),
            "participatingOrganization": _reference("Organization", listing),
            "code": [_plan_net("OrganizationAffiliationRoleCS", "bt", "Member Of", f"{network.name}. {_stated(fact)}")],
            "location": [_reference("Location", listing)],
        }


def _distinct(listing: Listing, fields: Mapping[str, str]) -> list[Statement]:
    """Return what is stated about these fields, what is said twice in the same words once."""
    stated = [fact for fact in listing.facts if fact.field in fields and fact.value == "yes"]
    return list({_id(listing, fact): fact for fact in stated}.values())


TYPES: Mapping[str, Type] = {
    one.name: one
    for one in (
        Type("Practitioner", (Layer.SPECIALISTS,), _practitioners, {},
             ("identifier", "active", "name"), ()),
        Type("PractitionerRole", (Layer.SPECIALISTS,), _roles,
             {"practitioner": "Practitioner", "location": "Location"},
             ("active",), ("practitioner", "organization", "code", "specialty", "location", "telecom"),
             claims_with="telecom"),
        Type("Organization", (Layer.CENTERS,), _organizations, {},
             ("active", "type", "name", "address"), ("identifier", "partOf")),
        Type("Location", tuple(Layer), _locations, {"organization": "Organization"},
             ("status", "name"), ("type", "managingOrganization")),
        Type("HealthcareService", (Layer.CENTERS,), _services,
             {"organization": "Organization", "location": "Location"},
             ("active", "category"), ("providedBy", "type", "location", "name", "comment"), many=True),
        Type("OrganizationAffiliation", (Layer.CENTERS,), _affiliations,
             {"participating-organization": "Organization", "location": "Location"},
             ("active",), ("organization", "participatingOrganization", "code", "location"), many=True),
    )
}  # fmt: skip


@lru_cache(3 * LISTINGS_KEPT)
def resources(type_: Type, listing: Listing, terminology: Terminology, updated: str) -> tuple[Resource, ...]:
    """Return the resources of one type that a listing makes, not to be changed; ``updated`` is when it last changed."""
    return tuple(_resource(type_, _present(body), updated) for body in type_.make(listing, terminology))


def _resource(type_: Type, body: Resource, updated: str) -> Resource:
    content = {"resourceType": type_.name, **body}
    version = hashlib.sha256(repr(content).encode()).hexdigest()[:16]
    claimed = [type_.profile] if not type_.claims_with or type_.claims_with in content else []
    meta = _present({"versionId": version, "lastUpdated": updated, "profile": claimed})
    return {"resourceType": type_.name, "id": content["id"], "meta": meta, **content}
