"""One answer for every mistake: a page for people, problem+json (RFC 9457) or an OperationOutcome for programs."""

import logging
import sys
import traceback

from flask import Flask, Response, g, jsonify, render_template, request
from werkzeug.exceptions import HTTPException

from finder.errors import FinderError, InvalidQuery
from finder.language import N_, _

FHIR_MEDIA = "application/fhir+json; charset=utf-8"
_ISSUES = {404: "not-found", 405: "not-supported", 406: "not-supported", 410: "deleted", 429: "throttled"}
_log = logging.getLogger("finder")
_WORDS = {
    400: (N_("This request does not make sense"), N_("Go back and try again.")),
    404: (N_("Page not found"), N_("The address may be mistyped, or the page may have moved.")),
    405: (N_("This cannot be done here"), N_("Go back and try again.")),
    409: (N_("Something else is at work here"), N_("Wait a moment and try again.")),
    413: (N_("Too much was sent"), N_("Send less and try again.")),
    422: (N_("Please check this"), N_("Go back and try again.")),
    429: (
        N_("Too many searches"),
        N_("Wait a minute and try again. To reach help now, call one of the numbers below."),
    ),
    500: (N_("Something went wrong on our side"), N_("Try again in a minute. The help lines below can help you now.")),
}


def init(app: Flask) -> None:
    """Answer every error in the caller's own form."""

    @app.errorhandler(FinderError)
    def _ours(error: FinderError) -> tuple[Response | str, int]:
        title = _(_WORDS.get(error.status, _WORDS[500])[0])
        fields = error.fields if isinstance(error, InvalidQuery) else {}
        return (
            answer(error.status, title, str(error), errors=fields)
            if fields
            else answer(error.status, title, str(error))
        )

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Response:
        status = error.code or 500
        title, message = _WORDS.get(status, (error.name, ""))
        body = answer(status, _(title), _(message) if message else "")[0]
        response = app.make_response((body, status))
        for name, value in error.get_headers():
            if name.lower() not in ("content-type", "content-length"):
                response.headers[name] = value
        return response

    @app.errorhandler(Exception)
    def _unexpected(error: Exception) -> tuple[Response | str, int]:
        log_failure(error)
        title, message = _WORDS[500]
        return answer(500, _(title), _(message))


def log_failure(error: BaseException) -> None:
    """Log where an error happened, without its message: that may hold what somebody typed."""
    frames = traceback.extract_tb(error.__traceback__ or sys.exc_info()[2])
    where = " < ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames))
    _log.error("request_failed endpoint=%s error=%s at=%s", request.endpoint, type(error).__name__, where)


def answer(status: int, title: str, message: str, **more: object) -> tuple[Response | str, int]:
    """Return an error as problem+json or OperationOutcome to programs and as a page to people."""
    if request.path.startswith("/fhir/"):
        code = _ISSUES.get(status, "invalid" if status < 500 else "exception")
        return outcome(status, code, f"{title}. {message}"), status
    if not request.path.startswith(("/api/", "/suggest", "/healthz", "/readyz")):
        g.failed = True
        return render_template("errors/error.html", status=status, title=title, message=message), status
    response = jsonify({"type": "about:blank", "title": title, "status": status, "detail": message, **more})
    response.content_type = "application/problem+json"
    return response, status


def outcome(status: int, code: str, words: str, **more: list[str]) -> Response:
    """Return an error in FHIR's form; ``code`` is one of its IssueType."""
    issue = {"severity": "error", "code": code, "details": {"text": words}, **more}
    response = jsonify({"resourceType": "OperationOutcome", "issue": [issue]})
    response.status_code, response.content_type = status, FHIR_MEDIA
    return response
