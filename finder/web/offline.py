"""Reading without internet: the page about it, and the program that a browser runs for it once a reader asks."""

from pathlib import Path

from flask import Blueprint, Flask, Response, render_template, request

from finder.web.context import guidance
from finder.web.languages import at

blueprint = Blueprint("offline", __name__)

# At the root, because a browser lets such a program serve no address above its own.
WORKER = "/offline-worker.js"
_SCRIPT = Path(__file__).parent / "static" / "offline-worker.js"
# What is kept at once; other guidance follows when it is opened.
_FIRST = (
    "/offline",
    "/help",
    "/guidance",
    "/guidance/what-to-do-first",
    "/guidance/first-call",
    "/guidance/warning-signs",
)


def init(app: Flask) -> None:
    """Serve the program, and give templates ``offline_worker`` and ``offline_pages``."""
    script = _SCRIPT.read_bytes()

    @app.get(WORKER, endpoint="offline_worker")
    def _serve() -> Response:
        response = Response(script, content_type="text/javascript; charset=utf-8")
        response.add_etag()
        response.make_conditional(request)
        return response

    app.jinja_env.globals["offline_worker"] = WORKER
    app.jinja_env.globals["offline_pages"] = first_pages


def first_pages() -> list[str]:
    """Return the addresses that are kept at once, in the language that is spoken now."""
    return [at(path) for path in _FIRST]


@blueprint.get("/offline")
def show() -> str:
    """Show what this device keeps, the numbers of the help lines, and how to remove everything."""
    return render_template("pages/offline.html", groups=guidance().help_groups())
