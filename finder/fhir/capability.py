"""What this server can do, in FHIR's own form, made from the table of its resource types."""

from finder.fhir.parameters import PARAMETERS
from finder.fhir.resources import PLAN_NET, TYPES, Resource, Type
from finder.fhir.searching import includes, revincludes


def capability_statement(base: str, changed_on: str) -> Resource:
    """Return the CapabilityStatement of the server at ``base``; ``changed_on`` is an ISO date."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": changed_on,
        "publisher": "ALL Care Finder",
        "kind": "instance",
        "software": {"name": "ALL Care Finder"},
        "implementation": {"description": "Leukemia centers and specialists", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "implementationGuide": [f"{PLAN_NET}/ImplementationGuide/hl7.fhir.us.davinci-pdex-plan-net|1.2.0"],
        "rest": [
            {
                "mode": "server",
                "documentation": "A public directory that is only read. No sign-in; no request is kept.",
                "security": {"cors": True, "description": "None is needed for reading."},
                "resource": [_resource(one) for one in TYPES.values()],
            }
        ],
    }


def _resource(type_: Type) -> Resource:
    stated = {
        "type": type_.name,
        "profile": f"http://hl7.org/fhir/StructureDefinition/{type_.name}",
        "supportedProfile": [type_.profile],
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "versioning": "versioned",
        "readHistory": False,
        "updateCreate": False,
        "conditionalRead": "not-match",
        "searchInclude": includes(type_),
        "searchRevInclude": revincludes(type_),
        "searchParam": [
            {"name": one.name, "type": one.kind, "documentation": one.help} for one in PARAMETERS[type_.name].values()
        ],
    }
    return {name: value for name, value in stated.items() if value != []}
