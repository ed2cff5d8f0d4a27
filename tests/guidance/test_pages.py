"""The guidance that ships: plain, sourced, linked, reviewed, kind; and a loader that says what to mend."""

import re
from datetime import date, timedelta

import pytest
import textstat
import yaml
from bs4 import BeautifulSoup
from markdown_it import MarkdownIt

from finder.domain.dates import is_iso
from finder.errors import NotFound, SourceError
from finder.guidance import HELP_GROUPS, PANEL_PARTS, TOPICS, Guidance
from finder.settings import load

DATA = load({}).data
FOLDER = DATA / "guidance" / "en"
GUIDANCE = Guidance.load(DATA)
PAGES = GUIDANCE.pages()
FILES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.md"))}
PANELS = {path.stem: path.read_text(encoding="utf-8") for path in sorted((FOLDER / "panel").glob("*.md"))}
BODIES = {name: text.split("\n---\n", 1)[1] for name, text in FILES.items()} | PANELS
READERS = ("child", "young-adult", "adult", None)
SURVIVAL = "survival-figures"
# A page is reviewed at least every 13 months.
LONGEST = timedelta(days=13 * 31)

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.slug)
each_file = pytest.mark.parametrize("name", BODIES)


def html_of_panels():
    return {f"{part}.{who or 'anyone'}": getattr(GUIDANCE.panel(who), part) for part in PANEL_PARTS for who in READERS}


TEXTS = {page.slug: page.html for page in PAGES} | html_of_panels()


# How easy it is to read. Words such as leukemia, chemotherapy and lymphoblastic count with all their syllables: a
# reader has learned them only this week, so they are as hard as they look. A heading, a list item and a table cell each
# count as a sentence, because a reader stops there. Because short cells make a page look easier than it is, the running
# text must pass by itself too.
GRADE = 7.0
BLOCKS = ["p", "li", "td", "th", "h2", "h3"]


def sentences(html, blocks):
    soup = BeautifulSoup(html, "html.parser")
    for mark in soup.select('a[href^="#source-"]'):
        mark.decompose()
    for block in soup.find_all(blocks):
        if block.find(blocks):
            continue
        text = re.sub(r"\s+", " ", block.get_text(" ")).strip(" .:;")
        text = re.sub(r"(?<=\d)[.,](?=\d)", "", text)  # a point within a number does not end a sentence
        if text:
            yield text if text[-1] in ".?" else f"{text}."


def grade(html, blocks=BLOCKS, before=""):
    return textstat.flesch_kincaid_grade(" ".join([before, *sentences(html, blocks)]).strip())


def test_the_measure_of_reading_tells_plain_from_hard_text():
    plain = "<p>Call your team. Ask when you can come.</p>"
    hard = "<p>Administration of prophylactic intrathecal chemotherapy necessitates multidisciplinary deliberation.</p>"

    assert grade(plain) < 2 < GRADE < grade(hard)


@each_page
def test_every_page_reads_at_us_grade_seven_or_below(page):
    assert grade(page.html, before=f"{page.title}. {page.summary}") <= GRADE
    assert grade(page.html, ["p", "li"]) <= GRADE


@pytest.mark.parametrize("name", html_of_panels())
def test_every_panel_reads_at_us_grade_seven_or_below(name):
    assert grade(TEXTS[name]) <= GRADE


def test_the_help_lines_read_at_us_grade_seven_or_below():
    lines = GUIDANCE.helplines()

    assert grade("".join(f"<p>{line.what_it_does}</p>" for line in lines)) <= GRADE
    assert grade("".join(f"<p>{line.caution}</p>" for line in lines)) <= GRADE


@each_page
def test_no_page_is_too_long_for_a_phone(page):
    words = BeautifulSoup(page.html, "html.parser").get_text(" ").split()

    assert 200 <= len(words) <= 750


@each_page
def test_every_page_is_due_for_review_within_thirteen_months_and_not_overdue(page):
    assert page.reviewed_on <= date.today(), f"{page.slug} was reviewed in the future"  # noqa: DTZ011
    assert page.review_by >= date.today(), f"review {page.slug}, then set reviewed_on and review_by"  # noqa: DTZ011
    assert page.review_by - page.reviewed_on <= LONGEST


@pytest.mark.parametrize("fact", GUIDANCE.facts(), ids=lambda fact: fact.id)
def test_every_figure_is_whole_and_due_for_review_within_thirteen_months(fact):
    today = date.today()  # noqa: DTZ011

    assert today <= fact.review_by <= today + LONGEST, f"check {fact.id} at its source, then set review_by"
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", fact.id)
    assert fact.group
    assert fact.years
    assert fact.url == "" or fact.url.startswith("https://")
    assert fact.statement.endswith(".")
    assert fact.value.lower() in fact.statement.lower(), "the sentence and the value differ"


@each_page
def test_every_page_cites_each_of_its_sources_and_no_other(page):
    cited = {int(number) for number in re.findall(r"\[(\d+)\](?!\()", BODIES[page.slug])}

    assert cited == set(range(1, len(page.sources) + 1))


@each_page
def test_every_source_has_a_name_and_a_safe_address_or_none(page):
    for source in page.sources:
        assert source.title
        assert source.url == "" or source.url.startswith("https://"), source
        assert source.date == "" or is_iso(source.date), source


FIGURE = re.compile(r"(?<![\w.:/-])\d[\d,.]*(?![\w:])")


def blocks_of(text):
    """Give each paragraph, each whole list and each row of a table with its header, as the author wrote it."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    depth, gathered, header = 0, [], ""
    for token in tokens:
        if token.type in ("bullet_list_open", "ordered_list_open", "tr_open"):
            depth += 1
        elif token.type == "inline" and depth:
            gathered.append(token.content)
        elif token.type == "inline":
            yield token.content
        if token.type in ("bullet_list_close", "ordered_list_close", "tr_close"):
            depth -= 1
            if not depth:
                row, gathered = " | ".join(gathered), []
                yield f"{header} {row}" if token.type == "tr_close" else row
                header = row if token.type == "tr_close" and not header else header
        if token.type == "table_close":
            header = ""


def unsourced_figures(block):
    if "{{fact:" in block or re.search(r"\[\d+\](?!\()", block):
        return []
    bare = re.sub(r"\]\([^)]*\)", "]", block)  # the address of a link is no figure
    bare = re.sub(r"\b(911|988|(19|20)\d\d)\b", "", bare)  # nor is a number to call, or the year of a source
    bare = re.sub(r"\b(turn|age|ages|aged|adults|under|step) \d+( (and|or|to) \d+)?|\b\d+ (and|or) older", "", bare)
    return FIGURE.findall(bare)


def test_a_figure_needs_a_source_in_its_paragraph_its_list_or_its_row():
    assert unsourced_figures("It takes 30 months.") == ["30"]
    assert not unsourced_figures("It takes 30 months. [1]")
    assert not unsourced_figures("It takes {{fact:some}}.")
    assert not unsourced_figures("Call [911](tel:911) at age 26. Ask about CD19 and ETV6::RUNX1.")


@each_file
def test_every_figure_comes_from_the_list_of_facts_or_names_its_source(name):
    headings = re.compile(r"^#+ .*$", re.MULTILINE)
    for block in blocks_of(headings.sub("", BODIES[name])):
        assert not unsourced_figures(block), block


@each_file
def test_every_share_and_rate_comes_from_the_list_of_facts(name):
    assert not re.search(r"\d\s?%|\d percent|\d+ (?:in|per) (?:a million|\d)", BODIES[name])


def links_of(html):
    return [link["href"] for link in BeautifulSoup(html, "html.parser").find_all("a")]


@pytest.mark.parametrize("name", TEXTS)
def test_every_link_leads_to_a_page_of_ours_or_a_number(name):
    ours = {"/", "/help", "/about", "/privacy", "/centers", "/search", "/guidance"}
    ours |= {"/questions", "/records", "/shared-care", "/body", "/facts"}
    ours |= {f"/guidance/{page.slug}" for page in PAGES}
    numbers = {"tel:911"} | {line.tel for line in GUIDANCE.helplines()}
    for href in links_of(TEXTS[name]):
        if href.startswith("/"):
            assert href.partition("#")[0].partition("?")[0] in ours, href
        else:
            assert href.startswith("#source-") or href in numbers, href


@each_page
def test_every_page_leads_on(page):
    assert any(href.startswith("/") for href in links_of(page.html))


@each_page
def test_every_page_can_be_reached_from_another(page):
    others = [href for slug, html in TEXTS.items() if slug != page.slug for href in links_of(html)]

    assert f"/guidance/{page.slug}" in others


# Each subject that a patient page on ALL must cover, the page where it has its place, and words that must stand there.
SUBJECTS = [
    ("a cancer of the marrow and the blood", "what-is-all", "cancer of the blood and the bone marrow"),
    ("it goes fast without treatment", "what-is-all", "without treatment, ALL most often gets worse quickly"),
    ("treatment starts soon", "what-is-all", "want to start soon after the diagnosis"),
    ("its other names", "what-is-all", "acute lymphocytic leukemia or acute lymphoid leukemia"),
    ("its Spanish name", "what-is-all", "leucemia linfoblástica aguda"),
    ("blood cells and immune system", "what-is-all", "ALL affects your blood cells and your immune system"),
    ("several types", "names-and-subtypes", "T-cell ALL"),
    ("the type of the stories: Philadelphia", "names-and-subtypes", "Philadelphia chromosome"),
    ("not ALL after all, or both", "names-and-subtypes", "acute myeloid leukemia"),
    ("treatment and result depend on type and own risk", "what-is-all", "the type of ALL and on your own risk"),
    ("remissions in adults have grown", "survival-figures", "remissions in adults last longer"),
    ("children differ from adults", "children-and-adults", "not the same in all ways"),
    ("facts and statistics", "facts-and-figures", "expected to learn in 2025"),
    ("a hematologist-oncologist", "choosing-a-specialist", "Hematologist-oncologist"),
    ("local and leukemia specialist together", "shared-care", "local doctor"),
    ("choosing a center", "choosing-a-center", "What to look for"),
    ("tests and what they mean", "tests-and-results", "Bone marrow test"),
    ("all options", "talking-with-your-team", "Your choices"),
    ("goals", "talking-with-your-team", "Your goals"),
    ("results to expect", "talking-with-your-team", "What to expect"),
    ("records for long-term follow-up", "records-to-keep", "effects of treatment come late"),
    ("how to get records", "your-rights", "copies of your health and billing records"),
    ("speaking with the specialist", "talking-with-your-team", "In the visit"),
    ("a list of questions", "questions-to-ask", "If a local doctor shares the care"),
    ("one stem cell changes", "how-all-develops", "one single stem cell"),
    ("it multiplies to billions", "how-all-develops", "billions"),
    ("leukemic lymphoblasts", "how-all-develops", "leukemic lymphoblasts"),
    ("blasts do not work", "how-all-develops", "They do not work"),
    ("blasts block", "how-all-develops", "They block"),
    ("blasts outgrow", "how-all-develops", "They outgrow"),
    ("central nervous system", "where-all-can-spread", "Central nervous system"),
    ("lymph nodes", "where-all-can-spread", "Lymph nodes"),
    ("testes, rarely", "where-all-can-spread", "This is rarer"),
    ("anemia", "low-blood-counts", "Anemia"),
    ("neutropenia", "low-blood-counts", "Neutropenia"),
    ("thrombocytopenia", "low-blood-counts", "Thrombocytopenia"),
    ("pancytopenia", "low-blood-counts", "Pancytopenia"),
    ("no clear cause", "risk-factors", "no clear reason"),
    ("not inherited", "risk-factors", "most often not passed on by a parent"),
    ("no way to prevent it", "risk-factors", "no way to prevent it"),
    ("cannot be caught", "risk-factors", "cannot catch ALL"),
    ("earlier chemotherapy or radiation", "risk-factors", "Chemotherapy or radiation in the past"),
    *[
        (name, "risk-factors", name)
        for name in (
            "Down syndrome",
            "Neurofibromatosis",
            "Klinefelter syndrome",
            "Fanconi anemia",
            "Shwachman-Diamond syndrome",
            "Bloom syndrome",
            "Li-Fraumeni syndrome",
            "Ataxia telangiectasia",
        )
    ],
    ("age", "risk-factors", "most common in children under 15"),
    ("sex", "risk-factors", "more common in males"),
    ("race and ethnicity", "risk-factors", "Hispanic and Latino people"),
    ("free one-to-one help", "support", "One person to ask"),
    ("money", "support", "Money"),
    ("feelings", "support", "Feelings"),
    ("community", "support", "someone who has been there"),
    ("the new name of the society", "support", "Leukemia & Lymphoma Society until 2025"),
    ("caregivers", "children-and-parents", "your child"),
    ("the first visit", "first-visit", "What to ask before you go home"),
    ("ALL or AML, not settled yet", "not-sure-yet", "The marker test shows if the cells are lymphoid"),
    ("both at once", "not-sure-yet", "mixed phenotype"),
    ("infections during treatment", "during-treatment", "Keep germs away"),
    ("school and work", "during-treatment", "School, work and home"),
    ("a summary and a plan after treatment", "after-treatment", "my treatment summary and my follow-up plan"),
    ("late effects", "after-treatment", "Heart and blood vessels"),
    ("relapse", "if-all-comes-back", "leukemia has come back after treatment"),
    ("choices after a relapse", "if-all-comes-back", "Choices that exist"),
    ("stories elsewhere", "stories", "Where people tell their stories"),
    ("no stories here", "stories", "We do not collect stories"),
]


@pytest.mark.parametrize(("subject", "slug", "words"), SUBJECTS, ids=[subject for subject, _, _ in SUBJECTS])
def test_every_subject_has_its_place(subject, slug, words):
    page = GUIDANCE.page(slug)
    text = f"{page.summary} {BeautifulSoup(page.html, 'html.parser').get_text()}"
    text = re.sub(r"\s*\[\d+\]", "", text)

    assert words.lower() in text.lower()


@each_file
def test_survival_figures_stand_on_their_own_page_alone(name):
    told = "{{fact:survival-" in BODIES[name]

    assert told == (name == SURVIVAL)


@pytest.mark.parametrize("name", [name for name in TEXTS if name != SURVIVAL])
def test_nowhere_else_does_a_share_of_people_stand_beside_living_or_dying(name):
    dying = re.compile(r"\b(surviv\w*|alive|die[sd]?|dying|deaths?)\b", re.IGNORECASE)
    share = re.compile(r"\d\s?%|\d+ (?:in|of|out of) \d")
    for block in sentences(TEXTS[name], BLOCKS):
        for sentence in re.split(r"(?<=[.?]) ", block):
            assert not (dying.search(sentence) and share.search(sentence)), sentence


def test_the_page_of_survival_figures_begins_with_kindness_and_without_a_figure():
    page = GUIDANCE.page(SURVIVAL)
    before = page.html.partition("<table>")[0]

    assert page.summary.startswith("You do not need this page today.")
    assert "You can close this page." in before
    assert "not about you" in before
    assert "%" not in before
    assert '"/help"' in before


@each_page
def test_only_the_pages_on_figures_lead_to_the_survival_figures_without_a_warning(page):
    """Elsewhere the sentence with the link says that it is for those who want it."""
    if page.topic == "figures":
        return
    soup = BeautifulSoup(page.html, "html.parser")
    for link in soup.select(f'a[href="/guidance/{SURVIVAL}"]'):
        assert "want" in link.find_parent(["p", "li", "td"]).get_text()


@pytest.mark.parametrize("what", ["journey", "battle", "fight", "!", "causes all", "caused by", "brave", "victim"])
def test_some_words_are_never_used(what):
    texts = list(TEXTS.values())
    texts += [f"{page.title} {page.summary}" for page in PAGES]
    texts += [fact.statement for fact in GUIDANCE.facts()]
    texts += [f"{line.name} {line.what_it_does} {line.caution}" for line in GUIDANCE.helplines()]
    found = re.compile(rf"\b{what}" if what.isalpha() else re.escape(what), re.IGNORECASE)
    for text in texts:
        assert not found.search(BeautifulSoup(text, "html.parser").get_text()), text


@each_file
def test_no_page_contains_raw_html(name):
    assert not re.search(r"<[a-zA-Z/!]", BODIES[name])


@each_page
def test_headings_are_few_and_start_at_the_second_level(page):
    levels = [
        int(heading.name[1]) for heading in BeautifulSoup(page.html, "html.parser").find_all(re.compile(r"^h\d$"))
    ]

    assert set(levels) <= {2, 3}
    assert levels.count(2) == len({id_ for id_, _ in page.headings}) <= 12


def test_the_first_four_help_lines_are_the_ones_for_anybody():
    assert [(line.name, line.phone) for line in GUIDANCE.helplines()[:4]] == [
        ("National Cancer Institute, Cancer Information Service", "1-800-422-6237"),
        ("Blood Cancer United", "1-800-955-4572"),
        ("American Cancer Society", "1-800-227-2345"),
        ("988 Suicide & Crisis Lifeline", "988"),
    ]
    assert GUIDANCE.panel("child").helplines == GUIDANCE.helplines()[:4]


@pytest.mark.parametrize("line", GUIDANCE.helplines(), ids=lambda line: line.name)
def test_every_help_line_can_be_reached_and_says_what_it_does(line):
    assert line.what_it_does.endswith(".")
    assert line.group
    assert line.url.startswith("https://")
    assert " " not in line.url
    assert line.seen_on == "" or is_iso(line.seen_on)
    assert line.caution == "" or line.caution.endswith(".")
    assert re.fullmatch(r"(1-\d{3}-\d{3}-\d{4}|\d{3})?", line.phone)
    assert line.tel == ("" if not line.phone else f"tel:{'+' * (len(line.phone) > 3)}{line.phone.replace('-', '')}")


def test_help_lines_are_found_by_group_and_none_stands_twice():
    groups = dict(GUIDANCE.help_groups())
    names = [line.name for lines in groups.values() for line in lines]

    assert [line.name for line in groups["Transplant and CAR-T"]] == ["NMDP Patient Support Center", "BMT InfoNet"]
    assert sorted(names) == sorted({line.name for line in GUIDANCE.helplines()})
    assert set(groups) == set(HELP_GROUPS.values())


def test_a_reader_gets_the_panel_written_for_them_and_else_the_one_for_anyone():
    assert GUIDANCE.panel("child").first_steps != GUIDANCE.panel(None).first_steps
    for part in PANEL_PARTS:
        for who in READERS:
            written = f"{part}.{who}" in PANELS
            assert (getattr(GUIDANCE.panel(who), part) == getattr(GUIDANCE.panel(None), part)) != written


def test_pages_stand_under_their_topics_in_order_and_an_unknown_page_is_not_found():
    topics = GUIDANCE.topics()

    assert [topic.title for topic in topics] == list(TOPICS.values())
    assert [page.order for topic in topics for page in topic.pages] == sorted(page.order for page in PAGES)
    with pytest.raises(NotFound):
        GUIDANCE.page("none")


# What the loader says when a file is wrong. Each case starts from a small whole set of files and spoils one of them.
PAGE = """---
title: A page
summary: It says something.
order: 1
topic: figures
audience: anyone
reviewed_on: 2026-11-24
review_by: 2027-11-24
sources:
  - title: A source
    url: ""
    date: "2024"
---
## A heading

A sentence with {{fact:one}}. [1]
"""
FACT = dict.fromkeys(["statement", "value", "unit", "group", "years", "source", "url", "seen_on"], "2024")
FACTS = [FACT | {"id": "one", "value": "5", "unit": "people", "review_by": date(2027, 11, 24)}]
LINES = [{"name": "A line", "group": "crisis", "phone": "1-800-422-6237", "seen_on": "2025-12"}]


@pytest.fixture
def data(tmp_path):
    panel = tmp_path / "guidance" / "en" / "panel"
    panel.mkdir(parents=True)
    for part in PANEL_PARTS:
        (panel / f"{part}.anyone.md").write_text("- One thing\n")
    (tmp_path / "guidance" / "en" / "page.md").write_text(PAGE)
    (tmp_path / "facts.yml").write_text(yaml.safe_dump(FACTS))
    (tmp_path / "helplines.yml").write_text(yaml.safe_dump(LINES))
    (tmp_path / "guidance" / "glossary.yml").write_text("[]")
    return tmp_path


def test_a_page_is_read_with_its_figures_its_marks_and_its_headings(data):
    [page] = Guidance.load(data).pages()

    assert page.slug == "page"
    assert page.headings == (("a-heading", "A heading"),)
    assert '<h2 id="a-heading">' in page.html
    assert 'A sentence with 5 people. <a href="#source-1">[1]</a>' in page.html


def test_markup_and_scripts_in_a_page_stay_text(data):
    path = data / "guidance" / "en" / "page.md"
    path.write_text(f"{PAGE}\n<script>x</script> [a](javascript:x) [b](//elsewhere.example)\n")

    html = Guidance.load(data).page("page").html

    assert "<script" not in html
    assert 'href="javascript' not in html


PAGE_MISTAKES = [
    ("---\ntitle", "title", "page.md must begin with front matter between two lines of ---"),
    ("topic: figures\n", "", "page.md: add topic to the front matter"),
    ("order: 1\n", "", "page.md: add order to the front matter"),
    ("topic: figures", "topic: weather", "page.md: topic must be one of first-steps, choosing"),
    ("{{fact:one}}", "{{fact:two}}", "page.md: facts.yml has no fact 'two'"),
    ("[1]", "[2]", "page.md: there is no source number 2"),
    ("[1]", "[0]", "page.md: there is no source number 0"),
    ("title: A page", "title: A page: here", "page.md: mend the YAML of the front matter"),
    ("2027-11-24", "next year", "page.md: review_by must be a date such as 2026-11-24"),
    ('    url: ""\n', "", "page.md: each source needs title, url and date"),
    ('"2024"', "about 2024", "page.md: date of 'A source' must be a year"),
]


@pytest.mark.parametrize(("right", "wrong", "said"), PAGE_MISTAKES, ids=[said for _, _, said in PAGE_MISTAKES])
def test_a_mistake_in_a_page_names_the_file_and_the_mend(data, right, wrong, said):
    assert right in PAGE
    (data / "guidance" / "en" / "page.md").write_text(PAGE.replace(right, wrong))

    with pytest.raises(SourceError, match=re.escape(said)):
        Guidance.load(data)


LIST_MISTAKES = [
    ("facts.yml", "- id: [", "facts.yml cannot be read; mend its YAML"),
    ("facts.yml", "one: 1", "facts.yml must be a list of entries"),
    ("facts.yml", "- one", "facts.yml must be a list of entries"),
    ("facts.yml", yaml.safe_dump([FACT | {"id": "one"}]), "facts.yml: one needs a date in review_by"),
    ("facts.yml", yaml.safe_dump([FACTS[0] | {"value": ""}]), "facts.yml: one needs value"),
    ("facts.yml", yaml.safe_dump(FACTS * 2), "facts.yml: one stands twice"),
    ("facts.yml", yaml.safe_dump([FACTS[0] | {"seen_on": "May"}]), "facts.yml: seen_on of one must be a year"),
    ("helplines.yml", "a line", "helplines.yml must be a list of entries"),
    (
        "helplines.yml",
        yaml.safe_dump([LINES[0] | {"seen_on": "1/5"}]),
        "helplines.yml: seen_on of A line must be a year",
    ),
    ("helplines.yml", yaml.safe_dump([LINES[0] | {"group": "x"}]), "helplines.yml: group of 'A line' must be one of"),
    ("guidance/en/panel/first_call.anyone.md", "It is [1].", "first_call.anyone.md: there is no source number 1"),
    ("guidance/en/panel/first_call.anyone.md", "{{fact:none}}", "first_call.anyone.md: facts.yml has no fact 'none'"),
]


@pytest.mark.parametrize(("file", "text", "said"), LIST_MISTAKES, ids=[said for _, _, said in LIST_MISTAKES])
def test_a_mistake_in_a_list_or_a_panel_names_the_file_and_the_mend(data, file, text, said):
    (data / file).write_text(text)

    with pytest.raises(SourceError, match=re.escape(said)):
        Guidance.load(data)


def test_a_panel_that_everybody_falls_back_on_must_be_there(data):
    (data / "guidance" / "en" / "panel" / "have_ready.anyone.md").unlink()

    with pytest.raises(SourceError, match=re.escape("en/panel: add have_ready.anyone.md")):
        Guidance.load(data)


def test_missing_files_are_named(data):
    (data / "facts.yml").unlink()

    with pytest.raises(SourceError, match=re.escape("facts.yml cannot be read")):
        Guidance.load(data)


def test_a_number_becomes_a_link_that_a_phone_can_call(data):
    numbers = {"1-800-422-6237": "tel:+18004226237", "800-422-6237": "tel:+18004226237", "988": "tel:988", "": ""}
    (data / "helplines.yml").write_text(
        yaml.safe_dump([{"name": one, "phone": one, "group": "crisis"} for one in numbers])
    )

    assert {line.phone: line.tel for line in Guidance.load(data).helplines()} == numbers
