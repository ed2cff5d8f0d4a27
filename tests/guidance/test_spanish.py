"""The Spanish guidance says what the English says, in plain words, and is as new."""

import hashlib
import re
from pathlib import Path

import pytest
import textstat
from bs4 import BeautifulSoup

from finder.errors import SourceError
from finder.guidance import PANEL_PARTS, Guidance
from finder.language import LANGUAGES
from finder.settings import load
from tests.guidance.test_pages import BLOCKS, data, sentences  # noqa: F401 - data is a fixture

DATA = load({}).data
ENGLISH, SPANISH = Guidance.load(DATA), Guidance.load(DATA, "es")
FOLDER = DATA / "guidance" / "es"
READERS = ("child", "young-adult", "adult", None)
EASY = 55  # INFLESZ: "normal" begins here; 65 is "fairly easy".
LONGER = 1.25
ENGLISH_PAGES = DATA / "guidance" / "en"

each_page = pytest.mark.parametrize("page", SPANISH.pages(), ids=lambda page: page.slug)
each_file = pytest.mark.parametrize(
    "name", sorted(path.relative_to(ENGLISH_PAGES).as_posix() for path in ENGLISH_PAGES.rglob("*.md"))
)


def ease(html, blocks=BLOCKS, before=""):
    """The index of Szigriszt-Pazos on the scale INFLESZ, over the sentences that a reader meets."""
    textstat.set_lang("es")
    try:
        return textstat.szigriszt_pazos(" ".join([before, *sentences(html, blocks)]).strip())
    finally:
        textstat.set_lang("en_US")


def bodies(name):
    return [(DATA / "guidance" / language / name).read_text(encoding="utf-8") for language in LANGUAGES]


def body(text):
    return text.split("\n---\n", 1)[-1]


def test_the_measure_of_reading_tells_plain_from_hard_text():
    plain = "<p>Llame a su equipo. Pregunte cuándo puede ir.</p>"
    hard = "<p>La administración profiláctica intratecal requiere deliberación multidisciplinaria especializada.</p>"

    assert ease(plain) > 80 > EASY > ease(hard)


@each_page
def test_every_page_reads_easily(page):
    assert ease(page.html, before=f"{page.title}. {page.summary}") >= EASY
    assert ease(page.html, ["p", "li"]) >= EASY


@pytest.mark.parametrize("who", READERS)
def test_every_panel_reads_easily(who):
    panel = SPANISH.panel(who)
    for part in PANEL_PARTS:
        assert ease(getattr(panel, part)) >= EASY


def test_the_figures_and_help_lines_read_easily():
    assert ease("".join(f"<p>{fact.statement}</p>" for fact in SPANISH.facts())) >= EASY
    assert ease("".join(f"<p>{line.what_it_does}</p><p>{line.caution}</p>" for line in SPANISH.helplines())) >= EASY


@pytest.mark.parametrize("page", ENGLISH.pages(), ids=lambda page: page.slug)
def test_a_change_of_the_english_page_is_a_change_to_make_in_spanish(page):
    english = (ENGLISH_PAGES / f"{page.slug}.md").read_bytes()
    spanish = (FOLDER / f"{page.slug}.md").read_text(encoding="utf-8")
    made_from = re.search(r'^english: "(\w+)"$', spanish, re.MULTILINE)[1]
    now = hashlib.sha256(english).hexdigest()[:12]

    assert made_from == now, f'bring es/{page.slug}.md up to date with the English, then write english: "{now}"'


@each_file
def test_both_languages_cite_link_and_count_alike(name):
    english, spanish = map(body, bodies(name))
    for what in (r"\[\d+\](?!\()", r"\{\{fact:[a-z0-9-]+\}\}", r"^#+ ", r"^[-*] |^\d+\. ", r"^\|"):
        found = [re.findall(what, text, re.MULTILINE) for text in (english, spanish)]
        assert found[0] == found[1] if what.startswith("^") else sorted(found[0]) == sorted(found[1]), what
    links = [
        sorted(link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text)) for text in (english, spanish)
    ]
    assert links[0] == links[1]


def numbers(text):
    bare = re.sub(r"\{\{[^}]*\}\}|\]\([^)]*\)|\[\d+\]", " ", text)
    return sorted(re.findall(r"\d[\d,.]*\d|\d", bare))


@each_file
def test_both_languages_give_the_same_numbers(name):
    english, spanish = map(body, bodies(name))

    assert numbers(english) == numbers(spanish)


@each_file
def test_the_spanish_is_not_much_longer(name):
    english, spanish = (len(body(text).split()) for text in bodies(name))

    assert spanish <= english * LONGER + 15


@pytest.mark.parametrize("fact", SPANISH.facts(), ids=lambda fact: fact.id)
def test_every_figure_is_the_same_in_both_languages(fact):
    english = next(one for one in ENGLISH.facts() if one.id == fact.id)

    assert fact.statement.endswith(".")
    assert fact.statement != english.statement
    assert fact.value.lower() in fact.statement.lower(), "the sentence and the value differ"
    assert numbers(f"{fact.value} {fact.unit}") == numbers(f"{english.value} {english.unit}")
    assert (fact.source, fact.url, fact.seen_on, fact.review_by) == (
        english.source,
        english.url,
        english.seen_on,
        english.review_by,
    )


def test_every_help_line_has_the_same_number_in_both_languages():
    assert [(line.name, line.phone, line.url) for line in SPANISH.helplines()] == [
        (line.name, line.phone, line.url) for line in ENGLISH.helplines()
    ]


@each_page
def test_links_stay_in_the_language(page):
    for link in BeautifulSoup(page.html, "html.parser").find_all("a"):
        assert link["href"].startswith(("/es/", "#", "tel:")), link


@pytest.mark.parametrize("what", ["batalla", "lucha", "guerrer", "valiente", "víctima", "!", "causa la leucemia"])
def test_some_words_are_never_used(what):
    for path in FOLDER.rglob("*.*"):
        assert what not in path.read_text(encoding="utf-8").lower(), path.name


@pytest.fixture
def both(data: Path):  # noqa: F811 - the fixture of that name
    """A small whole set of files in both languages."""
    spanish = data / "guidance" / "es" / "panel"
    spanish.mkdir(parents=True)
    for part in PANEL_PARTS:
        (spanish / f"{part}.anyone.md").write_text("- Una cosa\n")
    front = '---\ntitle: Una página\nsummary: Dice algo.\nenglish: "0"\n---\n'
    (spanish.parent / "page.md").write_text(f"{front}## Un título\n\nVea {{{{fact:one}}}}. [1] [Aquí](/help)\n")
    (spanish.parent / "facts.yml").write_text("- {id: one, statement: s, value: '5', unit: personas}\n")
    (spanish.parent / "helplines.yml").write_text("- {name: A line, what_it_does: Ayuda.}\n")
    return data


def test_a_page_takes_its_words_from_one_language_and_all_else_from_the_english(both):
    [page] = Guidance.load(both, "es").pages()

    assert (page.title, page.topic, page.sources[0].title) == ("Una página", "figures", "A source")
    assert "Vea 5 personas." in page.html
    assert '<a href="/es/help">' in page.html
    assert Guidance.load(both, "es").helplines()[0].what_it_does == "Ayuda."


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("page.md", "es/page.md is missing: every page needs to be there in each language"),
        ("panel/first_call.anyone.md", "panel/first_call.anyone.md is missing"),
    ],
)
def test_a_page_that_is_missing_in_one_language_stops_the_start(both, missing, said):
    (both / "guidance" / "es" / missing).unlink()

    with pytest.raises(SourceError, match=re.escape(said)):
        Guidance.load(both, "es")


@pytest.mark.parametrize(("name", "entry"), [("facts.yml", "'one'"), ("helplines.yml", "'A line'")])
def test_an_entry_that_is_missing_in_one_language_stops_the_start(both, name, entry):
    (both / "guidance" / "es" / name).write_text("[]")

    with pytest.raises(SourceError, match=re.escape(f"es/{name}: {entry} is missing")):
        Guidance.load(both, "es")


def test_front_matter_without_its_origin_is_refused(both):
    path = both / "guidance" / "es" / "page.md"
    path.write_text(path.read_text().replace('english: "0"\n', ""))

    with pytest.raises(SourceError, match=re.escape("page.md: add english to the front matter")):
        Guidance.load(both, "es")
