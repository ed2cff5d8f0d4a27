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

from finder.domain.dates import is_iso
from finder.domain.text import slug as slug_of
from finder.errors import NotFound, SourceError

TOPICS = {
    "first-steps": "First steps",
    "choosing": "Choosing a center and a doctor",
    "what-is-all": "What ALL is and how it is treated",
    "who": "For your age group",
    "team": "Talking with your team",
    "records": "Records and questions",
    "figures": "Facts and figures",
    "support": "Support",
}
# The headings of the help page, by the group of a help line.
HELP_GROUPS = {
    "information": "Ask about leukemia",
    "crisis": "If you are in crisis",
    "trials": "Trials",
    "transplant": "Transplant and CAR-T",
    "emotional": "Feelings",
    "children": "Children and parents",
    "young adults": "Young adults",
    "fertility": "Having children later",
    "travel": "Travel",
    "lodging": "A place to stay",
    "money": "Money",
    "coverage": "Health plans",
    "work": "Work",
}
PANEL_PARTS = ("first_steps", "first_call", "have_ready", "warning_signs")
_WHO_FALLBACK = "anyone"
_FRONT = re.compile(r"\A---\n(.*?)\n---\n(.*)\Z", re.DOTALL)
_FACT = re.compile(r"\{\{fact:([a-z0-9-]+)\}\}")
_CITED = re.compile(r"\[(\d+)\](?!\()")
_REQUIRED = ("title", "summary", "order", "topic", "audience", "reviewed_on", "review_by", "sources")


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
    """One page; ``html`` is safe, ``headings`` are (id, words) of its second-level headings."""

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
    ) -> None:
        self._pages = {page.slug: page for page in sorted(pages, key=lambda page: (page.order, page.slug))}
        self._panels = dict(panels)
        self._facts = {fact.id: fact for fact in facts}
        self._helplines = tuple(helplines)

    @classmethod
    def load(cls, data: Path, language: str = "en") -> "Guidance":
        """Read everything below the data folder; SourceError names the file and the mend."""
        facts: dict[str, Fact] = {}
        for fact in map(_fact, _yaml(data / "facts.yml")):
            if fact.id in facts:
                raise SourceError(f"facts.yml: {fact.id} stands twice; give one of them another id.")
            facts[fact.id] = fact
        helplines = [_helpline(row) for row in _yaml(data / "helplines.yml")]
        folder = data / "guidance" / language
        pages = [_page(path, facts) for path in sorted(folder.glob("*.md"))]
        panels = {
            (part, who): _render(path.read_text(encoding="utf-8"), path, facts, 0)[0]
            for path in sorted((folder / "panel").glob("*.md"))
            for part, _, who in [path.stem.partition(".")]
        }
        for part in PANEL_PARTS:
            if (part, _WHO_FALLBACK) not in panels:
                raise SourceError(
                    f"{folder.name}/panel: add {part}.{_WHO_FALLBACK}.md, which every reader falls back on."
                )
        return cls(pages, panels, facts.values(), helplines)

    def pages(self) -> tuple[GuidancePage, ...]:
        """Return every page in order."""
        return tuple(self._pages.values())

    def page(self, slug: str) -> GuidancePage:
        """Return the page with this name; NotFound when there is none."""
        if slug not in self._pages:
            raise NotFound("There is no guidance page with this address.")
        return self._pages[slug]

    def topics(self) -> tuple[Topic, ...]:
        """Return the pages under their topics, both in order; a topic without pages is left out."""
        grouped = {
            title: tuple(page for page in self._pages.values() if page.topic == topic)
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

    def helplines(self) -> tuple[HelpLine, ...]:
        """Return the help lines in order."""
        return self._helplines

    def help_groups(self) -> tuple[tuple[str, tuple[HelpLine, ...]], ...]:
        """Return the help lines under their headings; a heading without lines is left out."""
        grouped = {
            title: tuple(line for line in self._helplines if line.group == group)
            for group, title in HELP_GROUPS.items()
        }
        return tuple((title, lines) for title, lines in grouped.items() if lines)


def _yaml(path: Path) -> list[dict[str, Any]]:
    try:
        rows = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise SourceError(f"{path.name} cannot be read; mend its YAML: {error}") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise SourceError(f"{path.name} must be a list of entries with names and values.")
    return rows


def _fact(row: dict[str, Any]) -> Fact:
    due = row.get("review_by")
    if not isinstance(due, date):
        raise SourceError(f"facts.yml: {row.get('id')} needs a date in review_by.")
    texts = {name: _text(row, name) for name in Fact.__dataclass_fields__ if name != "review_by"}
    for name in ("id", "statement", "value", "source"):
        if not texts[name]:
            raise SourceError(f"facts.yml: {row.get('id') or row} needs {name}.")
    _check_date(texts["seen_on"], f"facts.yml: seen_on of {texts['id']}")
    return Fact(review_by=due, **texts)


def _helpline(row: dict[str, Any]) -> HelpLine:
    if row.get("group") not in HELP_GROUPS:
        raise SourceError(f"helplines.yml: group of {row.get('name')!r} must be one of {', '.join(HELP_GROUPS)}.")
    phone = _text(row, "phone")
    digits = re.sub(r"\D", "", phone)
    tel = "" if not digits else f"tel:+{digits}" if len(digits) == 11 else f"tel:+1{digits}"
    tel = f"tel:{digits}" if len(digits) == 3 else tel
    named = (name for name in HelpLine.__dataclass_fields__ if name not in ("phone", "tel"))
    _check_date(_text(row, "seen_on"), f"helplines.yml: seen_on of {row.get('name')}")
    return HelpLine(phone=phone, tel=tel, **{name: _text(row, name) for name in named})


def _check_date(text: str, where: str) -> None:
    if text and not is_iso(text):
        raise SourceError(f'{where} must be a year, 2024-05, 2024-05-31 or "", not {text!r}.')


def _text(row: dict[str, Any], name: str) -> str:
    value = row.get(name)
    return "" if value is None else str(value)


def _page(path: Path, facts: Mapping[str, Fact]) -> GuidancePage:
    match = _FRONT.match(path.read_text(encoding="utf-8"))
    if not match:
        raise SourceError(f"{path.name} must begin with front matter between two lines of ---.")
    front = _front_matter(match[1], path)
    sources = tuple(_reference(one, path) for one in front["sources"])
    html, headings = _render(match[2], path, facts, len(sources))
    return GuidancePage(
        path.stem,
        front["title"],
        front["summary"],
        html,
        front["topic"],
        front["audience"],
        front["order"],
        front["reviewed_on"],
        front["review_by"],
        sources,
        headings,
    )


def _front_matter(text: str, path: Path) -> dict[str, Any]:
    try:
        front = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SourceError(f"{path.name}: mend the YAML of the front matter: {error}") from error
    front = front if isinstance(front, dict) else {}
    missing = [name for name in _REQUIRED if name not in front]
    if missing:
        raise SourceError(f"{path.name}: add {', '.join(missing)} to the front matter.")
    if front["topic"] not in TOPICS:
        raise SourceError(f"{path.name}: topic must be one of {', '.join(TOPICS)}.")
    for name in ("reviewed_on", "review_by"):
        if not isinstance(front[name], date):
            raise SourceError(f"{path.name}: {name} must be a date such as 2026-11-24.")
    return front


def _reference(one: dict[str, Any], path: Path) -> Reference:
    if not isinstance(one, dict) or not {"title", "url", "date"} <= one.keys():
        raise SourceError(f'{path.name}: each source needs title, url and date ("" where there is none).')
    made = Reference(*(_text(one, name) for name in ("title", "url", "date")))
    _check_date(made.date, f"{path.name}: date of {made.title!r}")
    return made


def _render(text: str, path: Path, facts: Mapping[str, Fact], sources: int) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return safe HTML and the second-level headings; figures and source marks are filled in first."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    markdown.validateLink = _is_link  # type: ignore[method-assign]  # the library's own way to say which links live
    tokens = markdown.parse(_cite(_fill_figures(text, path, facts), path, sources))
    headings = []
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open" and opening.tag == "h2":
            id_ = slug_of(inline.content)
            opening.attrSet("id", id_)
            headings.append((id_, inline.content))
    html = markdown.renderer.render(_with_scrolling_tables(tokens), markdown.options, {})
    return html, tuple(headings)


def _is_link(url: str) -> bool:
    return url.startswith(("https://", "http://", "/", "#", "tel:"))


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


def _with_scrolling_tables(tokens: list[Token]) -> list[Token]:
    """Wrap each table so that a wide one scrolls by itself, by keyboard too, under the name of its heading."""
    wrapped, heading = [], "Figures"
    for before, token in pairwise([Token("start", "", 0), *tokens]):
        if before.type == "heading_open":
            heading = token.content
        if token.type == "table_open":
            box = Token("table_box_open", "div", 1, attrs={"class": "scroll", "tabindex": 0, "role": "region"})
            box.attrSet("aria-label", f"Table: {heading}")
            box.block = True
            wrapped.append(box)
        wrapped.append(token)
        if token.type == "table_close":
            wrapped.append(Token("table_box_close", "div", -1, block=True))
    return wrapped
