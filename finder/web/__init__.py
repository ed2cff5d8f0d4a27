"""The web application: the only package that knows Flask."""

import os

from flask import Flask
from flask_compress import Compress
from jinja2 import StrictUndefined
from werkzeug.middleware.proxy_fix import ProxyFix

from finder.services import Services
from finder.settings import PROJECT, Settings, load
from finder.web import (
    accounts,
    api,
    assets,
    editing,
    errors,
    fhir_api,
    imports,
    knowledge,
    languages,
    maps,
    observing,
    offline,
    pages,
    quality,
    reports,
    robots,
    security,
    shared_care,
    shortlist,
    tools,
)
from finder.web.context import guidance

# The forms of text that we answer in; the list that the extension brings knows only some of them.
_COMPRESSED = [
    "text/html",
    "text/css",
    "text/javascript",
    "text/plain",
    "text/csv",
    "text/vcard",
    "text/xml",
    "application/javascript",
    "application/xml",
    "application/json",
    "application/geo+json",
    "application/fhir+json",
    "application/problem+json",
    "application/manifest+json",
    "application/vnd.oai.openapi+json",
    "image/svg+xml",
]


def create_app(settings: Settings | None = None) -> Flask:
    """Return the application for these settings or those of the environment; ``setup`` must have run before."""
    settings = settings or load(os.environ)
    app = Flask("finder", template_folder=str(PROJECT / "templates"), static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_request_bytes
    app.config["COMPRESS_ALGORITHM"] = ["zstd", "br", "gzip"]
    app.config["COMPRESS_MIMETYPES"] = _COMPRESSED
    app.config["COMPRESS_BR_LEVEL"] = 3
    app.config["COMPRESS_ZSTD_LEVEL"] = 1
    app.config["COMPRESS_LEVEL"] = 4
    app.json.sort_keys = False  # type: ignore[attr-defined]  # Flask's default provider has it
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    services = Services.build(settings)
    app.extensions["finder"] = services
    app.jinja_env.globals["map_shell"] = maps.shell
    app.jinja_env.globals["guidance"] = guidance
    languages.init(app, settings.data / "translations")
    if settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.trusted_proxies)  # type: ignore[method-assign]
    Compress(app)
    for part in (observing, security, assets, errors, accounts):
        part.init(app)
    for part in (reports, editing, quality, robots, offline):
        part.init(app)
    imports.init(app, settings.jobs_url, settings.max_upload_bytes)
    for part in (knowledge, pages, offline, reports, tools, shortlist, shared_care):
        languages.register(app, part.blueprint)
    app.register_blueprint(api.blueprint)
    app.register_blueprint(fhir_api.blueprint)
    app.register_blueprint(knowledge.interface)
    services.database.dispose()  # Server processes that are forked from here open their own connections.
    return app
