"""Tools that stay on the reader's device: the question builder and the record keeper. Nothing comes back from them."""

from functools import lru_cache

from flask import Blueprint, render_template

from finder.domain.dates import words
from finder.guidance import questions, records
from finder.language import current
from finder.web.context import guidance, services

blueprint = Blueprint("tools", __name__)

_situations = lru_cache(8)(questions.situations)


@blueprint.get("/questions")
def question_builder() -> str:
    """Show the questions to choose from."""
    english = _situations(services().guidance["en"].page(questions.PAGE).html)
    return render_template(
        "pages/questions.html",
        situations=_situations(guidance().page(questions.PAGE).html),
        edition=questions.edition(english),
    )


@blueprint.get("/records")
def record_keeper() -> str:
    """Show the records to keep, as a checklist and a form."""
    return render_template(
        "pages/records.html",
        records=records.load(services().settings.data, current()),
        date_words=words,
    )
