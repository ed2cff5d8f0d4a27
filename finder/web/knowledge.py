"""What readers look up: the guidance by its topics and by words, the glossary, and the figures, also for programs."""

from dataclasses import asdict, dataclass
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, make_response, render_template, request
from flask.blueprints import BlueprintSetupState

from finder.domain.dates import words
from finder.errors import InvalidQuery
from finder.guidance import Fact
from finder.guidance.search import GuidanceSearch, load_aliases, readable
from finder.language import ENGLISH, LANGUAGES, current
from finder.services import Services
from finder.web.context import guidance, services

blueprint = Blueprint("knowledge", __name__)
interface = Blueprint("facts", __name__)

_SEARCH = "finder_guidance_search"
_AGES = ("rate-under-1", "rate-1-4", "rate-5-9", "rate-10-14", "rate-15-19")
_LICENCE = (
    "The figures are facts, which nobody owns. Those from US government agencies are in the public domain. The "
    "sentences are this project's own words; the texts of the sources belong to their publishers."
)
_ATTRIBUTION = (
    "ALL Care Finder, facts on acute lymphoblastic leukemia. Name the source and the date of each figure too."
)
_SURVIVAL = (
    'Figures with the subject "survival" are about groups of people in the past. They cannot say how one person will '
    "do. Show them only to readers who ask for them."
)


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of the chart: ``share`` is the length in percent of the longest."""

    label: str
    fact: Fact
    share: float


@blueprint.record_once
def _prepare(state: BlueprintSetupState) -> None:
    """Make the search of each language once, before the first request: a mistake in its data stops the start."""
    parts: Services = state.app.extensions["finder"]
    aliases = load_aliases(parts.settings.data)
    state.app.extensions[_SEARCH] = {code: GuidanceSearch(one, aliases) for code, one in parts.guidance.items()}


@blueprint.get("/guidance")
def guidance_index() -> Response:
    """Show every guidance page by topic, or where the words in ``q`` stand."""
    query = readable(request.args.get("q", ""))
    if not query:
        return make_response(render_template("pages/guidance_index.html", topics=guidance().topics(), query=""))
    results = current_app.extensions[_SEARCH][current()].find(query)
    lines = guidance().helplines()[:4] if not results.total else ()
    response = make_response(
        render_template("pages/guidance_search.html", query=query, results=results, helplines=lines)
    )
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


@blueprint.get("/glossary")
def glossary() -> str:
    """Show every word with its meaning."""
    other = next(code for code in LANGUAGES if code != current())
    return render_template(
        "pages/glossary.html", letters=guidance().glossary.letters(), other=other, query="", date_words=words
    )


@blueprint.get("/facts")
def figures() -> str:
    """Show every figure but those on survival, and how often ALL is found at each age."""
    return render_template(
        "pages/facts.html",
        groups=guidance().fact_groups(),
        bars=_bars({fact.id: fact for fact in guidance().facts()}),
        date_words=words,
    )


def _bars(facts: dict[str, Fact]) -> list[Bar]:
    rates = [facts[id_] for id_ in _AGES]
    highest = max(float(rate.value) for rate in rates)
    return [Bar(_age(rate), rate, round(float(rate.value) / highest * 100, 1)) for rate in rates]


def _age(rate: Fact) -> str:
    """Return the age of a rate without its country: "1 to 4 years, United States" is "1 to 4 years"."""
    age = rate.group.partition(",")[0]
    return age[:1].upper() + age[1:]


@interface.get("/api/v1/facts")
def facts() -> Response:
    """Answer every figure as JSON, in the language that is asked for."""
    language = request.args.get("language", ENGLISH.code)
    if language not in LANGUAGES:
        raise InvalidQuery({"language": f"must be one of: {', '.join(LANGUAGES)}"})
    listed = [_fact_json(fact) for fact in services().guidance[language].facts()]
    response = jsonify(
        {
            "language": language,
            "licence": _LICENCE,
            "attribution": _ATTRIBUTION,
            "about_survival": _SURVIVAL,
            "facts": listed,
        }
    )
    response.headers["Content-Language"] = language
    return response


def _fact_json(fact: Fact) -> dict[str, Any]:
    return {"id": fact.id, "subject": fact.subject} | asdict(fact) | {"review_by": fact.review_by.isoformat()}
