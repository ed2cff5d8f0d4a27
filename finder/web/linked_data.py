"""A listing in schema.org's words (JSON-LD), holding what its page shows and nothing else."""

import json
from typing import Any

from markupsafe import Markup

from finder.domain.listing import Layer, Listing, phone_for
from finder.formats import kind_of

_TYPES = {
    "childrens-hospital": "Hospital",
    "hospital": "Hospital",
    "military-hospital": "Hospital",
    "specialist": "Physician",
}
_ESCAPES = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026", 0x2028: "\\u2028", 0x2029: "\\u2029"}


def of(listing: Listing, description: str) -> Markup:
    """Return the JSON text, safe inside a script element."""
    phone, website = phone_for(listing, None), listing.first("website")
    address, point = listing.address, listing.point
    record: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": _TYPES.get(kind_of(listing), "MedicalOrganization"),
        "name": listing.name,
        "description": description,
        "address": {
            "@type": "PostalAddress",
            "streetAddress": address.street,
            "addressLocality": address.city,
            "addressRegion": address.state,
            "postalCode": address.postal_code,
            "addressCountry": "US",
        },
        "telephone": phone.value if phone else "",
        "url": website.value if website else "",
    }
    if listing.layer is Layer.CENTERS:
        record["medicalSpecialty"] = "https://schema.org/Oncologic"
    if point:
        record["geo"] = {"@type": "GeoCoordinates", "latitude": point.latitude, "longitude": point.longitude}
    record["address"] = {name: value for name, value in record["address"].items() if value}
    shown = {name: value for name, value in record.items() if value}
    return Markup(json.dumps(shown, ensure_ascii=False).translate(_ESCAPES))  # noqa: S704 - every sign that could end the script is escaped
