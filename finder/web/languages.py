"""The language of a request, by its address: pages below /es/ are Spanish, all others English."""

from io import BytesIO
from pathlib import Path
from urllib.parse import quote

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from flask import Blueprint, Flask, current_app, g, request
from flask_babel import Babel, Domain

from finder.language import ENGLISH, LANGUAGES, Speech, current, speak

_TWINS = "finder_twins"
_IN_QUERY = "%&=+;:,/-"  # Signs that stay as they are in the part of an address after the question mark.


class _Catalogs(Domain):  # type: ignore[misc]  # flask-babel has no types
    """Flask-Babel's texts, from catalogs that are read as they were written: nothing has to be compiled before."""

    def __init__(self, speeches: dict[str, Speech]) -> None:
        super().__init__()
        self._speeches = speeches

    def get_translations(self) -> object:
        """Return the catalog of the language that is spoken now."""
        return self._speeches[current()].catalog


class _Babel(Babel):  # type: ignore[misc]
    """Flask-Babel with our catalogs."""

    def __init__(self, app: Flask, speeches: dict[str, Speech]) -> None:
        self._catalogs = _Catalogs(speeches)
        super().__init__(app, locale_selector=current)

    @property
    def domain_instance(self) -> Domain:
        return self._catalogs


def init(app: Flask, folder: Path) -> None:
    """Speak the language of each request, and give templates ``at``, ``language`` and more."""
    speeches = {code: Speech(code, catalog(folder / f"{code}.po")) for code in LANGUAGES if code != ENGLISH.code}
    speeches[ENGLISH.code] = Speech(ENGLISH.code, Translations())
    _Babel(app, speeches)

    @app.before_request
    def _speak() -> None:
        speak(speeches[_code_of(request.path)])

    @app.teardown_request
    def _be_silent(_error: BaseException | None) -> None:
        speak(ENGLISH)

    app.jinja_env.globals.update(at=at, language=current, other_language=other_language, twins=twins)


def register(app: Flask, blueprint: Blueprint) -> None:
    """Add pages for readers, once for each language."""
    app.register_blueprint(blueprint)
    for code, prefix in prefixes().items():
        app.register_blueprint(blueprint, name=f"{blueprint.name}_{code}", url_prefix=prefix)
    names = {blueprint.name, *(f"{blueprint.name}_{code}" for code in prefixes())}
    app.extensions.setdefault(_TWINS, set()).update(names)


def catalog(path: Path) -> Translations:
    """Read a catalog (gettext's PO format); what it does not say stays English."""
    made = BytesIO()
    with path.open("rb") as file:
        write_mo(made, read_po(file, abort_invalid=True))
    made.seek(0)
    return Translations(made)


def prefixes() -> dict[str, str]:
    """Return what stands before the addresses of a language, for every language but English."""
    return {code: f"/{code}" for code in LANGUAGES if code != ENGLISH.code}


def at(path: str) -> str:
    """Return the address of a page in the language that is spoken now."""
    return prefixes().get(current(), "") + path


def other_language() -> tuple[str, str, str]:
    """Return the code and name of the other language, and the address of this page in it; of its home if need be."""
    spoken = current()
    code = next(one for one in LANGUAGES if one != spoken)
    # A page about a failure repeats nothing of what was asked.
    has_twin = request.blueprint in current_app.extensions[_TWINS] and request.method == "GET" and not g.get("failed")
    plain = quote(request.path).removeprefix(prefixes().get(spoken, "")) if has_twin else "/"
    query = f"?{quote(request.query_string, _IN_QUERY)}" if has_twin and request.query_string else ""
    return code, LANGUAGES[code], prefixes().get(code, "") + plain + query


def twins() -> dict[str, str]:
    """Return this page's full address in each language, by code."""
    code, _name, path = other_language()
    root = request.root_url.rstrip("/")
    return {current(): root + quote(request.path), code: root + path.partition("?")[0]}


def _code_of(path: str) -> str:
    return next((code for code, prefix in prefixes().items() if path.startswith(f"{prefix}/")), ENGLISH.code)
