"""The directory under FHIR R4 (4.0.1), by the profiles of Plan-Net 1.2.0.

Every resource is a function of one listing, so that this door shows what the pages show and nothing else.
"""

from finder.fhir.bundle import searchset
from finder.fhir.capability import capability_statement
from finder.fhir.parameters import Refused
from finder.fhir.reading import NotHere, Stored, read
from finder.fhir.resources import TYPES, Resource, Type

__all__ = [
    "TYPES",
    "NotHere",
    "Refused",
    "Resource",
    "Stored",
    "Type",
    "capability_statement",
    "read",
    "searchset",
]
