"""Whether the program is well, for whoever runs it."""

from flask import Flask, Response, jsonify
from sqlalchemy.exc import SQLAlchemyError

from finder import search
from finder.domain.listing import Layer
from finder.web.context import services


def init(app: Flask) -> None:
    """Answer /healthz while the process lives, and /readyz while it can search."""

    @app.get("/healthz")
    def healthz() -> Response:
        return jsonify({"status": "ok"})

    @app.get("/readyz")
    def readyz() -> tuple[Response, int]:
        try:
            centers = search.size(services().database, Layer.CENTERS)
        except SQLAlchemyError:
            return jsonify({"status": "no database"}), 503
        status = "ok" if centers else "empty directory"
        return jsonify({"status": status, "centers": centers}), 200 if centers else 503
