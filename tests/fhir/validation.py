"""Offline checks of FHIR R4 resources: by the JSON schema, by typed models, and by the Plan-Net profiles.

The schema checks shape, unknown members and required codes; the models check formats; the profiles' snapshots check
least numbers, fixed values and FHIRPath invariants. None of them finds every mistake alone.
"""

import json
import os
from functools import cache
from pathlib import Path

from fhir.resources.R4B import get_fhir_model_class
from fhirpathpy import compile as fhirpath
from fhirpathpy.models import models
from jsonschema import Draft6Validator
from pydantic import ValidationError

_EVERYWHERE = ("ele-1", "ext-1", "dom-3")  # of every element; the schema and the models know them


def faults(resource):
    """Return what is wrong with a resource, as texts; none for a valid one."""
    found = [
        f"schema: {one.json_path}: {one.message[:200]}"
        for one in _schema(resource["resourceType"]).iter_errors(resource)
    ]
    try:
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    except ValidationError as error:
        found += [f"model: {one['loc']}: {one['msg']}" for one in error.errors()]
    for url in resource.get("meta", {}).get("profile", ()):
        found += [f"profile: {one}" for one in _against(_profiles()[url], resource)]
    return found


@cache
def _root():
    return json.loads(Path(os.environ["FHIR_SCHEMA"]).read_text(encoding="utf-8"))


@cache
def _schema(type_):
    root = _root()
    # One definition instead of the choice among all types at the root: fast, and its errors say what is wrong.
    part = {"$schema": root["$schema"], "$ref": f"#/definitions/{type_}", "definitions": root["definitions"]}
    return Draft6Validator(part)


@cache
def _profiles():
    files = Path(os.environ["PLAN_NET"]).glob("StructureDefinition-*.json")
    return {one["url"]: one for one in (json.loads(file.read_text(encoding="utf-8")) for file in files)}


@cache
def _invariant(expression):
    return fhirpath(expression, models["r4"])


def _against(profile, resource):
    for element in profile["snapshot"]["element"]:
        last = element["id"].rpartition(".")[2]
        inside_a_slice = ":" in element["id"][: -len(last)]
        path = element["path"].split(".")[1:]
        if inside_a_slice:
            continue
        sliced = ":" in last
        if path and not sliced and "extension" not in path:
            yield from _counts(element, resource, path)
        yield from _invariants(profile, element, resource, path, sliced=sliced)


def _counts(element, resource, path):
    for values in _values(resource, path):
        if len(values) < element.get("min", 0):
            yield f"{element['path']}: at least {element['min']}, found {len(values)}"
        if element.get("max") == "0" and values:
            yield f"{element['path']}: is not allowed"
        for name, wanted in element.items():
            if name.startswith(("fixed", "pattern")):
                yield from (f"{element['path']}: must be {wanted}" for one in values if not _fits(one, wanted))


def _invariants(profile, element, resource, path, *, sliced):
    for constraint in element.get("constraint", ()):
        if constraint["severity"] != "error" or "expression" not in constraint or constraint["key"] in _EVERYWHERE:
            continue
        check = _invariant(constraint["expression"])
        targets = (
            [one for values in _values(resource, path) for one in values if isinstance(one, dict)]
            if path
            else [resource]
        )
        for target in _of_slice(profile, element, targets) if sliced else targets:
            if check(target) == [False]:
                yield f"{element['id']}: {constraint['key']}: {constraint['human']}"


def _values(resource, path):
    """Yield the values of an element, a list for each parent that is there."""
    parents = [resource]
    for part in path[:-1]:
        parents = [one for parent in parents if isinstance(parent, dict) for one in _as_list(parent.get(part))]
    for parent in parents:
        if isinstance(parent, dict):
            name = path[-1]
            if name.endswith("[x]"):
                name = next((key for key in parent if key.startswith(name[:-3])), name)
            yield _as_list(parent.get(name))


def _as_list(value):
    return value if isinstance(value, list) else [] if value is None else [value]


def _fits(value, pattern):
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(_fits(value.get(name), one) for name, one in pattern.items())
    if isinstance(pattern, list):
        return isinstance(value, list) and all(any(_fits(one, wanted) for one in value) for wanted in pattern)
    return value == pattern


def _of_slice(profile, element, values):
    """Return the values that belong to a slice: an extension by its address, an identifier by its system."""
    if element["path"].endswith("extension"):
        urls = {url for type_ in element.get("type", ()) for url in type_.get("profile", ())}
        return [one for one in values if one.get("url") in urls]
    if "patternIdentifier" in element:
        return [one for one in values if _fits(one, element["patternIdentifier"])]
    fixed = {one["id"]: one.get("fixedUri") or one.get("patternUri") for one in profile["snapshot"]["element"]}
    system = fixed.get(f"{element['id']}.system")
    return [one for one in values if system and one.get("system") == system]
