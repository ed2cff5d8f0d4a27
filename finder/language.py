"""The language of whoever reads, and our own sentences in it. Programs and the command line read English.

A sentence is written in English where it is needed, as ``_("Treats adults")``; a language's catalog says what it is
there. A sentence that stands in a table is marked with ``N_`` there and looked up by ``_`` when it is shown.
"""

from contextvars import ContextVar
from dataclasses import dataclass
from gettext import NullTranslations

LANGUAGES = {"en": "English", "es": "Español"}


@dataclass(frozen=True, slots=True)
class Speech:
    """A language by its code, with its catalog."""

    code: str
    catalog: NullTranslations


ENGLISH = Speech("en", NullTranslations())
_speech: ContextVar[Speech] = ContextVar("speech", default=ENGLISH)


def speak(speech: Speech) -> None:
    """Use this language for what the current request, or thread, says from now on."""
    _speech.set(speech)


def current() -> str:
    """Return the code of the language that is spoken now."""
    return _speech.get().code


def gettext(message: str, /, **values: object) -> str:
    """Return a sentence in the language that is spoken now; ``%(name)s`` in it stands for the value of that name."""
    text = _speech.get().catalog.gettext(message)
    return text % values if values else text


def ngettext(one: str, many: str, number: int, /, **values: object) -> str:
    """Return one of two sentences by a number, which stands in them as ``%(num)s``."""
    return _speech.get().catalog.ngettext(one, many, number) % {"num": number, **values}


def marked(message: str) -> str:
    """Return a sentence as it is: the mark tells that it is looked up where it is shown."""
    return message


_, N_ = gettext, marked
