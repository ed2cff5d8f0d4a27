"""The FHIR R4 door: searches, single resources, and what the server can do; every mistake is an OperationOutcome."""

from datetime import datetime

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import NotAcceptable

from finder import fhir
from finder.web.context import services
from finder.web.errors import FHIR_MEDIA, outcome

ROOT = "/fhir/R4"
_JSON = ("application/fhir+json", "application/json")
_FORMATS = ("json", *_JSON)
_FIRST_SERVED = "2026-11-25"

blueprint = Blueprint("fhir", __name__, url_prefix=ROOT)


@blueprint.get("/metadata")
def metadata() -> Response:
    """Answer what this server can do."""
    return _answer(fhir.capability_statement(_base(), _FIRST_SERVED))


@blueprint.get("/<type_name>")
def search(type_name: str) -> Response:
    """Answer a search for resources of one type."""
    type_ = _type(type_name)
    strict = "handling=strict" in request.headers.get("Prefer", "").replace(" ", "")
    args = [(name, text) for name, text in request.args.items(multi=True) if name != "_format"]
    return _answer(fhir.searchset(_stored(), type_, args, _base(), strict=strict))


@blueprint.get("/<type_name>/<resource_id>")
def read(type_name: str, resource_id: str) -> Response:
    """Answer one resource."""
    resource = fhir.read(_stored(), _type(type_name), resource_id)
    response = _answer(resource)
    response.set_etag(resource["meta"]["versionId"], weak=True)
    if "lastUpdated" in resource["meta"]:
        response.last_modified = datetime.fromisoformat(resource["meta"]["lastUpdated"])
    response.make_conditional(request)
    return response


@blueprint.get("/<type_name>/<resource_id>/_history")
@blueprint.get("/<type_name>/<resource_id>/_history/<version>")
def history(type_name: str, resource_id: str, version: str = "") -> Response:
    """Say that earlier versions are not kept; what an admin may see of them stands in the admin area."""
    return outcome(404, "not-supported", "Earlier versions are not kept here. Leave out _history for the present one.")


@blueprint.get("/<path:anything>")
def unknown(anything: str) -> Response:
    """Say that there is nothing at this address, in FHIR's form."""
    return outcome(404, "not-supported", f"There is nothing here. {ROOT}/metadata tells what can be asked.")


@blueprint.before_request
def _accept() -> None:
    """Refuse what cannot be answered: this server writes JSON."""
    wanted = request.args.get("_format")
    takes_json = not request.accept_mimetypes or request.accept_mimetypes.best_match(_JSON) is not None
    if wanted not in (None, *_FORMATS) or (wanted is None and not takes_json):
        raise NotAcceptable(f"This server answers in {_JSON[0]} alone.")


@blueprint.after_request
def _open(response: Response) -> Response:
    """Let pages of other sites read the directory; nothing here depends on who asks."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Expose-Headers"] = "ETag, Last-Modified"
    return response


@blueprint.errorhandler(fhir.Refused)
def _refused(error: fhir.Refused) -> Response:
    return outcome(400, error.code, str(error), expression=[f"http.{error.name}"])


def _type(name: str) -> fhir.Type:
    type_ = fhir.TYPES.get(name)
    if type_ is None:
        raise fhir.NotHere(f"This directory has no {name}. It has {', '.join(fhir.TYPES)}.")
    return type_


def _stored() -> fhir.Stored:
    return fhir.Stored(services().database, services().terminology)


def _base() -> str:
    return request.host_url.rstrip("/") + ROOT


def _answer(body: fhir.Resource) -> Response:
    response = jsonify(body)
    response.content_type = FHIR_MEDIA
    return response
