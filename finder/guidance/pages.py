"""Guidance for patients: pages and panels in Markdown, figures and help lines from one place each, read once."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from finder.domain.text import slug as slug_of
from finder.errors import NotFound, SourceError
from finder.guidance.glossary import Glossary, Word
from finder.guidance.lists import check_date, entries, parse, value
from finder.language import N_, _

TOPICS = {
    "first-steps": N_("First steps"),
    "choosing": N_("Choosing a center and a doctor"),
    "what-is-all": N_("What ALL is and how it is treated"),
    "who": N_("For your age group"),
    "team": N_("Talking with your team"),
    "records": N_("Records and questions"),
    "figures": N_("Facts and figures"),
    "support": N_("Support"),
}
# The headings of the help page, by the group of a help line.
HELP_GROUPS = {
    "information": N_("Ask about leukemia"),
    "crisis": N_("If you are in crisis"),
    "trials": N_("Trials"),
    "transplant": N_("Transplant and CAR-T"),
    "emotional": N_("Feelings"),
    "children": N_("Children and parents"),
    "young adults": N_("Young adults"),
    "fertility": N_("Having children later"),
    "travel": N_("Travel"),
    "lodging": N_("A place to stay"),
    "money": N_("Money"),
    "coverage": N_("Health plans"),
    "work": N_("Work"),
}
# The headings of the figures with the beginnings of the ids that belong under each.
SUBJECTS = {
    "people": (
        N_("How many people, and who"),
        (
            "new-cases-",
            "adult-",
            "share-",
            "lifetime-",
            "under-",
            "rate-",
            "living-",
            "blood-",
            "t-all-",
            "b-all-",
            "after-",
        ),
    ),
    "types": (N_("Types and tests"), ("gene-", "ph-", "kmt2a-", "child-", "remission-", "treatment-", "mrd-")),
    "warning-signs": (N_("When to call"), ("fever", "infection-")),
    "medicines": (N_("Medicines and their approval"), ("approval-", "asparaginase-", "car-t-")),
    "places": (N_("Places of care and first calls"), ("place-", "call-", "medicaid-")),
    "rights": (N_("Your rights"), ("records-", "leave-", "appeal-", "second-opinion-")),
    "survival": (N_("Survival"), ("survival-",)),
}
SURVIVAL = "survival"
SURVIVAL_PAGE = "survival-figures"
PANEL_PARTS = ("first_steps", "first_call", "have_ready", "warning_signs")
_WHO_FALLBACK = "anyone"
_ORIGINAL = "en"  # The language in which everything is written first; others take their metadata from it.
_TABLE = {"en": "Table: {heading}", "es": "Tabla: {heading}"}
_FRONT = re.compile(r"\A---\n(.*?)\n---\n(.*)\Z", re.DOTALL)
_FACT = re.compile(r"\{\{fact:([a-z0-9-]+)\}\}")
_CITED = re.compile(r"\[(\d+)\](?!\()")
_REQUIRED = ("title", "summary", "order", "topic", "audience", "reviewed_on", "review_by", "sources")
_REQUIRED_IN_TRANSLATION = ("title", "summary", "english")
_FACT_WORDS = ("statement", "value", "unit", "group", "years")
_HELPLINE_WORDS = ("what_it_does", "hours", "languages", "cost", "caution")


@dataclass(frozen=True, slots=True)
class Reference:
    """A source of a page: its date is ISO, or "" where it has none."""

    title: str
    url: str
    date: str


@dataclass(frozen=True, slots=True)
class Fact:
    """One figure with the group and years that it holds for, and where it comes from."""

    id: str
    statement: str
    value: str
    unit: str
    group: str
    years: str
    source: str
    url: str
    seen_on: str
    review_by: date

    @property
    def subject(self) -> str:
        """The subject in ``SUBJECTS`` that the id belongs to, or "" if it begins like none of them."""
        named = (subject for subject, (_title, starts) in SUBJECTS.items() if self.id.startswith(starts))
        return next(named, "")


@dataclass(frozen=True, slots=True)
class HelpLine:
    """A number to call; ``tel`` is its link, or "" where there is no number."""

    name: str
    what_it_does: str
    group: str
    phone: str
    tel: str
    hours: str
    languages: str
    cost: str
    url: str
    seen_on: str
    caution: str


@dataclass(frozen=True, slots=True)
class GuidancePage:
    """One page; ``headings`` are (id, words) of its second-level headings.

    ``html`` is safe; ``linked`` is the same with the first occurrence of each of ``words`` as a link to ``#word-<id>``.
    """

    slug: str
    title: str
    summary: str
    html: str
    topic: str
    audience: str
    order: int
    reviewed_on: date
    review_by: date
    sources: tuple[Reference, ...]
    headings: tuple[tuple[str, str], ...]
    linked: str
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """What a results page shows beside the list, as safe HTML."""

    first_steps: str
    first_call: str
    have_ready: str
    warning_signs: str
    helplines: tuple[HelpLine, ...]


@dataclass(frozen=True, slots=True)
class Topic:
    """A heading of the guidance's index with its pages in order."""

    title: str
    pages: tuple[GuidancePage, ...]


class Guidance:
    """All guidance in one language."""

    def __init__(
        self,
        pages: Iterable[GuidancePage],
        panels: Mapping[tuple[str, str], str],
        facts: Iterable[Fact],
        helplines: Iterable[HelpLine],
        glossary: Glossary,
    ) -> None:
        self._pages = {page.slug: page for page in sorted(pages, key=lambda page: (page.order, page.slug))}
        self._panels = dict(panels)
        self._facts = {fact.id: fact for fact in facts}
        self._helplines = tuple(helplines)
        self.glossary = glossary

    @classmethod
    def load(cls, data: Path, language: str = "en") -> "Guidance":
        """Read everything below the data folder; SourceError names the file and the mend."""
        folder = data / "guidance" / language
        facts, glossary = _facts(data, folder), Glossary.load(data, language)
        pages = [_page(path, folder / path.name, facts, glossary) for path in _originals(data, "")]
        panels = {
            (part, who): _html(_parse(_text_of(folder / "panel" / path.name), path, facts, 0, language))
            for path in _originals(data, "panel")
            for part, _dot, who in [path.stem.partition(".")]
        }
        for part in PANEL_PARTS:
            if (part, _WHO_FALLBACK) not in panels:
                raise SourceError(
                    f"{folder.name}/panel: add {part}.{_WHO_FALLBACK}.md, which every reader falls back on."
                )
        return cls(pages, panels, facts.values(), _helplines(data, folder), glossary)

    def pages(self) -> tuple[GuidancePage, ...]:
        """Return every page in order."""
        return tuple(self._pages.values())

    def page(self, slug: str) -> GuidancePage:
        """Return the page with this name; NotFound when there is none."""
        if slug not in self._pages:
            raise NotFound(_("There is no guidance page with this address."))
        return self._pages[slug]

    def topics(self) -> tuple[Topic, ...]:
        """Return the pages under their topics, both in order; a topic without pages is left out."""
        grouped = {
            _(title): tuple(page for page in self._pages.values() if page.topic == topic)
            for topic, title in TOPICS.items()
        }
        return tuple(Topic(title, pages) for title, pages in grouped.items() if pages)

    def panel(self, who: str | None) -> Panel:
        """Return what fits this reader: a part written for them, else the one for anyone."""
        parts = {
            part: self._panels.get((part, who or _WHO_FALLBACK)) or self._panels[part, _WHO_FALLBACK]
            for part in PANEL_PARTS
        }
        return Panel(**parts, helplines=self._helplines[:4])

    def facts(self) -> tuple[Fact, ...]:
        """Return every figure."""
        return tuple(self._facts.values())

    def fact_groups(self) -> tuple[tuple[str, tuple[Fact, ...]], ...]:
        """Return the figures under the headings of their subjects, without those on survival."""
        grouped = {
            _(title): tuple(fact for fact in self._facts.values() if fact.subject == subject)
            for subject, (title, _starts) in SUBJECTS.items()
            if subject != SURVIVAL
        }
        return tuple((title, facts) for title, facts in grouped.items() if facts)

    def helplines(self) -> tuple[HelpLine, ...]:
        """Return the help lines in order."""
        return self._helplines

    def help_groups(self) -> tuple[tuple[str, tuple[HelpLine, ...]], ...]:
        """Return the help lines under their headings; a heading without lines is left out."""
        grouped = {
            _(title): tuple(line for line in self._helplines if line.group == group)
            for group, title in HELP_GROUPS.items()
        }
        return tuple((title, lines) for title, lines in grouped.items() if lines)


def _originals(data: Path, folder: str) -> list[Path]:
    return sorted((data / "guidance" / _ORIGINAL / folder).glob("*.md"))


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        where = f"{path.parent.name}/{path.name}"
        raise SourceError(f"{where} is missing: every page needs to be there in each language.") from error


def _facts(data: Path, folder: Path) -> dict[str, Fact]:
    facts: dict[str, Fact] = {}
    for fact in map(_fact, _worded(data / "facts.yml", folder / "facts.yml", "id", _FACT_WORDS)):
        if fact.id in facts:
            raise SourceError(f"facts.yml: {fact.id} stands twice; give one of them another id.")
        facts[fact.id] = fact
    return facts


def _helplines(data: Path, folder: Path) -> list[HelpLine]:
    rows = _worded(data / "helplines.yml", folder / "helplines.yml", "name", _HELPLINE_WORDS)
    return [_helpline(row) for row in rows]


def _worded(original: Path, translation: Path, key: str, words: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the rows of a list with the words that another language has for them, found by their key."""
    rows = entries(original)
    if translation.parent.name == _ORIGINAL:
        return rows
    theirs = {row.get(key): row for row in entries(translation)}
    where = f"{translation.parent.name}/{translation.name}"
    for row in rows:
        if row.get(key) not in theirs:
            raise SourceError(f"{where}: {row.get(key)!r} is missing; every entry needs its words in each language.")
    return [row | {word: theirs[row[key]].get(word) for word in words} for row in rows]


def _fact(row: dict[str, Any]) -> Fact:
    due = row.get("review_by")
    if not isinstance(due, date):
        raise SourceError(f"facts.yml: {row.get('id')} needs a date in review_by.")
    texts = {name: value(row, name) for name in Fact.__dataclass_fields__ if name != "review_by"}
    for name in ("id", "statement", "value", "source"):
        if not texts[name]:
            raise SourceError(f"facts.yml: {row.get('id') or row} needs {name}.")
    check_date(texts["seen_on"], f"facts.yml: seen_on of {texts['id']}")
    return Fact(review_by=due, **texts)


def _helpline(row: dict[str, Any]) -> HelpLine:
    if row.get("group") not in HELP_GROUPS:
        raise SourceError(f"helplines.yml: group of {row.get('name')!r} must be one of {', '.join(HELP_GROUPS)}.")
    phone = value(row, "phone")
    digits = re.sub(r"\D", "", phone)
    tel = "" if not digits else f"tel:+{digits}" if len(digits) == 11 else f"tel:+1{digits}"
    tel = f"tel:{digits}" if len(digits) == 3 else tel
    named = (name for name in HelpLine.__dataclass_fields__ if name not in ("phone", "tel"))
    check_date(value(row, "seen_on"), f"helplines.yml: seen_on of {row.get('name')}")
    return HelpLine(phone=phone, tel=tel, **{name: value(row, name) for name in named})


def _page(original: Path, path: Path, facts: Mapping[str, Fact], glossary: Glossary) -> GuidancePage:
    front, body = _parts(original, _REQUIRED)
    _check_front(front, original)
    if path != original:
        own, body = _parts(path, _REQUIRED_IN_TRANSLATION)
        front |= own
    sources = tuple(_reference(one, original) for one in front["sources"])
    tokens = _parse(body, path, facts, len(sources), path.parent.name)
    html = _html(tokens)
    words = glossary.link(tokens, front["title"])
    taken = {name: front[name] for name in _REQUIRED if name != "sources"}
    return GuidancePage(
        slug=path.stem,
        html=html,
        sources=sources,
        headings=_headings(tokens),
        linked=_html(tokens),
        words=words,
        **taken,
    )


def _parts(path: Path, required: tuple[str, ...]) -> tuple[dict[str, Any], str]:
    """Return the front matter and the text of a page."""
    match = _FRONT.match(_text_of(path))
    if not match:
        raise SourceError(f"{path.name} must begin with front matter between two lines of ---.")
    try:
        front = parse(match[1])
    except yaml.YAMLError as error:
        raise SourceError(f"{path.name}: mend the YAML of the front matter: {error}") from error
    front = front if isinstance(front, dict) else {}
    missing = [name for name in required if name not in front]
    if missing:
        raise SourceError(f"{path.name}: add {', '.join(missing)} to the front matter.")
    return front, match[2]


def _check_front(front: Mapping[str, Any], path: Path) -> None:
    if front["topic"] not in TOPICS:
        raise SourceError(f"{path.name}: topic must be one of {', '.join(TOPICS)}.")
    for name in ("reviewed_on", "review_by"):
        if not isinstance(front[name], date):
            raise SourceError(f"{path.name}: {name} must be a date such as 2026-11-24.")


def _reference(one: dict[str, Any], path: Path) -> Reference:
    if not isinstance(one, dict) or not {"title", "url", "date"} <= one.keys():
        raise SourceError(f'{path.name}: each source needs title, url and date ("" where there is none).')
    made = Reference(*(value(one, name) for name in ("title", "url", "date")))
    check_date(made.date, f"{path.name}: date of {made.title!r}")
    return made


def _parse(text: str, path: Path, facts: Mapping[str, Fact], sources: int, language: str) -> list[Token]:
    """Return the parts of a text; figures and source marks are filled in first."""
    tokens = _MARKDOWN.parse(_cite(_fill_figures(text, path, facts), path, sources))
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open" and opening.tag == "h2":
            opening.attrSet("id", slug_of(inline.content))
    _lead_within(language, tokens)
    return _with_scrolling_tables(tokens, _TABLE[language])


def _html(tokens: list[Token]) -> str:
    html: str = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    return html


def _headings(tokens: list[Token]) -> tuple[tuple[str, str], ...]:
    """Return the second-level headings."""
    return tuple(
        (str(opening.attrGet("id")), inline.content)
        for opening, inline in pairwise(tokens)
        if opening.type == "heading_open" and opening.tag == "h2"
    )


def _markdown() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False}).enable("table")
    made.validateLink = _is_link  # type: ignore[method-assign]  # the library's own way to say which links live
    return made


def _is_link(url: str) -> bool:
    return url.startswith(("https://", "http://", "/", "#", "tel:"))


_MARKDOWN = _markdown()


def _lead_within(language: str, tokens: list[Token]) -> None:
    """Make the links to our own pages lead to those in the same language."""
    if language == _ORIGINAL:
        return
    for token in tokens:
        for one in token.children or ():
            href = str(one.attrGet("href") or "")
            if href.startswith("/"):
                one.attrSet("href", f"/{language}{href}")


def _fill_figures(text: str, path: Path, facts: Mapping[str, Fact]) -> str:
    def figure(match: re.Match[str]) -> str:
        fact = facts.get(match[1])
        if fact is None:
            raise SourceError(f"{path.name}: facts.yml has no fact {match[1]!r}.")
        return f"{fact.value} {fact.unit}".strip()

    return _FACT.sub(figure, text)


def _cite(text: str, path: Path, sources: int) -> str:
    def mark(match: re.Match[str]) -> str:
        if not 1 <= int(match[1]) <= sources:
            raise SourceError(f"{path.name}: there is no source number {match[1]}.")
        return f"[\\[{match[1]}\\]](#source-{match[1]})"

    return _CITED.sub(mark, text)


def _with_scrolling_tables(tokens: list[Token], label: str) -> list[Token]:
    """Wrap each table so that a wide one scrolls by itself, by keyboard too, under the name of its heading."""
    wrapped, heading = [], ""
    for before, token in pairwise([Token("start", "", 0), *tokens]):
        if before.type == "heading_open":
            heading = token.content
        if token.type == "table_open":
            box = Token("table_box_open", "div", 1, attrs={"class": "scroll", "tabindex": 0, "role": "region"})
            box.attrSet("aria-label", label.format(heading=heading))
            box.block = True
            wrapped.append(box)
        wrapped.append(token)
        if token.type == "table_close":
            wrapped.append(Token("table_box_close", "div", -1, block=True))
    return wrapped
