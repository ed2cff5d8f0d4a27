"""Files that pages load: ours, and Leaflet's from its package. Their address holds a hash of all of them."""

import hashlib
import mimetypes
from functools import lru_cache
from pathlib import Path

import brotli
from flask import Flask, Response, abort, request

from finder.web import maps

_OURS = Path(__file__).parent / "static"
_FOREVER = "public, max-age=31536000, immutable"


def init(app: Flask) -> None:
    """Serve the files and give templates ``asset``, which makes their addresses."""
    files = {path.relative_to(_OURS).as_posix(): path for path in sorted(_OURS.rglob("*")) if path.is_file()}
    files |= maps.asset_files()
    version = hashlib.sha256(b"".join(path.read_bytes() for path in files.values())).hexdigest()[:12]
    root = f"/static/{version}"

    def asset(name: str) -> str:
        """Return the address of one file; raises KeyError for a file that is not there."""
        if name not in files:
            raise KeyError(name)
        return f"{root}/{name}"

    @app.get("/static/<version>/<path:name>", endpoint="static")
    def _serve(version: str, name: str) -> Response:
        path = files.get(name)
        if path is None:
            abort(404)
        response = Response(path.read_bytes(), content_type=_type_of(path))
        if request.accept_encodings.quality("br"):
            response.set_data(_brotli(path))
            response.headers["Content-Encoding"] = "br"
        response.headers["Cache-Control"] = _FOREVER if request.path.startswith(root) else "no-cache"
        response.set_etag(version)
        response.make_conditional(request)
        return response

    app.jinja_env.globals["asset"] = asset


def _type_of(path: Path) -> str:
    guessed = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return f"{guessed}; charset=utf-8" if guessed.startswith("text/") else guessed


@lru_cache(64)
def _brotli(path: Path) -> bytes:
    compressed: bytes = brotli.compress(path.read_bytes(), quality=9)
    return compressed
