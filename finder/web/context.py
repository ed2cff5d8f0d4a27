"""What a view needs of the running application."""

from flask import current_app

from finder.guidance import Guidance
from finder.language import current
from finder.services import Services


def services() -> Services:
    """Return the parts of the application that answers this request."""
    parts = current_app.extensions["finder"]
    assert isinstance(parts, Services)  # noqa: S101 - create_app put it there; this tells the type checker
    return parts


def guidance() -> Guidance:
    """Return the guidance in the language of this request."""
    return services().guidance[current()]
