"""The directory's database: tables, connections and migrations; the only place that knows which database it is."""

from finder.db.database import Database, Explain, Prepared
from finder.db.models import (
    AddressLookup,
    Credential,
    Curated,
    HealthcareService,
    ImportRun,
    ListingRow,
    Location,
    Organization,
    Practitioner,
    PractitionerRole,
    ResourceIdentifier,
    SourceRecord,
)

__all__ = [
    "AddressLookup",
    "Credential",
    "Curated",
    "Database",
    "Explain",
    "HealthcareService",
    "ImportRun",
    "ListingRow",
    "Location",
    "Organization",
    "Practitioner",
    "PractitionerRole",
    "Prepared",
    "ResourceIdentifier",
    "SourceRecord",
]
