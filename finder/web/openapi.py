"""The description of the JSON interface (OpenAPI 3.1), made from the same table that parses a search."""

from typing import Any

from finder.domain.query import MAX_NEAR, PARAMETERS, Parameter

_PLACE_MISTAKES = {"404": "The place was not found.", "422": "The search needs a change, or the place is ambiguous."}


def document() -> dict[str, Any]:
    """Return the whole description."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ALL Care Finder",
            "version": "1",
            "summary": "Leukemia centers and specialists near a place, each with the reasons why it is listed.",
        },
        "paths": {
            "/api/v1/listings": {"get": _operation("Search", _search_parameters(), _PLACE_MISTAKES)},
            "/api/v1/listings/{id}": {"get": _operation("One listing", [_id()], {"404": "There is no such listing."})},
            "/suggest": {"get": _operation("Completions of a place name", [_q()], {})},
        },
    }


def _operation(summary: str, parameters: list[dict[str, Any]], mistakes: dict[str, str]) -> dict[str, Any]:
    problem = {"application/problem+json": {"schema": {"type": "object"}}}
    responses: dict[str, Any] = {"200": {"description": "Done.", "content": {"application/json": {}}}}
    for status, words in mistakes.items() | {("429", "Too many requests; see Retry-After.")}:
        responses[status] = {"description": words, "content": problem}
    return {"summary": summary, "parameters": parameters, "responses": dict(sorted(responses.items()))}


def _search_parameters() -> list[dict[str, Any]]:
    formats = {"type": "string", "enum": ["json", "geojson", "csv"], "default": "json"}
    described = [_described(parameter) for parameter in PARAMETERS]
    return [*described, {"name": "format", "in": "query", "description": "The form of the answer.", "schema": formats}]


def _described(parameter: Parameter) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": parameter.type}
    bounds = {"enum": list(parameter.choices), "minimum": parameter.minimum, "maximum": parameter.maximum}
    schema |= {name: value for name, value in bounds.items() if value not in (None, [])}
    if parameter.default is not None:
        schema["default"] = parameter.default
    if parameter.name == "near":
        schema["maxLength"] = MAX_NEAR
    if parameter.repeatable:
        schema = {"type": "array", "items": schema}
    return {"name": parameter.name, "in": "query", "description": parameter.help, "schema": schema}


def _id() -> dict[str, Any]:
    return {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}


def _q() -> dict[str, Any]:
    return {"name": "q", "in": "query", "schema": {"type": "string", "maxLength": MAX_NEAR}}
