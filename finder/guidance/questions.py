"""The questions of the guidance page "Questions to ask", taken from that page, so that they stand in one place only."""

import hashlib
from dataclasses import dataclass
from html.parser import HTMLParser

PAGE = "questions-to-ask"


@dataclass(frozen=True, slots=True)
class Question:
    """One question; its id is its place on the page, ``q2-5``, the same in every language."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Situation:
    """A heading of the page with the questions below it."""

    id: str
    title: str
    questions: tuple[Question, ...]


def situations(html: str) -> tuple[Situation, ...]:
    """Return the headings of the page's HTML that have questions, in order; other text is left out."""
    reader = _Reader()
    reader.feed(html)
    return tuple(
        Situation(
            f"situation-{number}",
            title,
            tuple(Question(f"q{number}-{place}", text) for place, text in enumerate(questions, 1)),
        )
        for number, (title, questions) in enumerate(reader.found, 1)
        if questions
    )


def edition(asked: tuple[Situation, ...]) -> str:
    """Return a short text that changes when a question does: what a reader kept goes by places on the page."""
    words = "\n".join(f"{question.id} {question.text}" for situation in asked for question in situation.questions)
    return hashlib.sha256(words.encode()).hexdigest()[:12]


class _Reader(HTMLParser):
    """Gathers headings and list items."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, list[str]]] = []
        self._text: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("h2", "li"):
            self._text = []

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("h2", "li") or self._text is None:
            return
        text, self._text = " ".join("".join(self._text).split()), None
        if tag == "h2":
            self.found.append((text, []))
        elif self.found:
            self.found[-1][1].append(text)
