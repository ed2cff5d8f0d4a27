"""The page on what ALL does in the body: its words in both languages, its pictures, and what is fetched when."""

import re
from collections import Counter
from datetime import date, timedelta

import brotli
import pytest
import textstat
import yaml
from bs4 import BeautifulSoup

from finder.domain.dates import is_iso
from finder.errors import SourceError
from finder.guidance import Guidance
from finder.guidance.body import load
from finder.settings import PROJECT
from finder.settings import load as load_settings
from tests.web.page_check import page, words
from tests.web.test_style import contrast

DATA = load_settings({}).data
STATIC = PROJECT / "finder/web/static"
PATHS = {"en": "/body", "es": "/es/body"}
STEPS = ["healthy", "change", "copies", "crowded", "blood", "spread", "remission"]
# Where each claim of a step stands with its source, so that the two never drift apart unseen.
GUIDANCE = ("how-all-develops", "low-blood-counts", "where-all-can-spread", "how-all-is-treated", "tests-and-results")
LIMIT = 200_000
AIM = 40_000

each_language = pytest.mark.parametrize("language", PATHS)


@pytest.fixture(params=PATHS)
def soup(request, client):
    """The page in each language, read as a browser would."""
    return page(client.get(PATHS[request.param]))


def blocks(soup):
    for one in soup.select("main p, main h2, main h3, main h4, main dt, main dd, .body-key li"):
        for mark in one.select('a[href^="#source-"]'):
            mark.decompose()
        text = words(one).strip(" .:;")
        if text:
            yield text if text[-1] in ".?" else f"{text}."


def said_in(body):
    """Give every text that cites, with the numbers of its sources."""
    for step in body.steps:
        for parts in (*step.see, *step.notice):
            yield from parts
        for count in step.counts:
            yield from (*count.notice, *count.call)
    for place in body.places:
        yield from (*place.what, *place.notice, *place.test, *place.plan)
    for _, _, parts in body.key:
        yield from parts


def test_the_page_has_every_step_with_a_picture_what_is_seen_and_what_one_notices(soup):
    steps = soup.select(".body-twin li.body-step")

    assert [one["data-step"] for one in steps] == STEPS
    for one in steps:
        assert one.select_one("svg.body-picture")
        assert len(one.select(".body-words > h4")) == 2
        assert len(one.select(".body-words > p")) >= 3
    assert len(soup.select(".body-counts > div")) == 4
    assert len(soup.select(".body-call")) == 4


def test_each_of_the_three_places_says_what_it_is_and_which_test_looks_there(soup):
    buttons = [one["data-place"] for one in soup.select(".body-spots button")]
    places = soup.select("[data-place-words]")

    assert buttons == [one["data-place-words"] for one in places] == ["cns", "nodes", "testes"]
    label = words(soup.select_one("[data-place-words] strong"))
    assert label in ("The test that looks there:", "La prueba que busca ahí:")
    assert all(len(one.select("p")) >= 3 and one.select('a[href^="#source-"]') for one in places)


def test_the_page_says_that_the_model_is_simplified_and_names_its_sources(soup):
    assert re.search(r"not to scale|no están a escala", words(soup.select_one(".body-honest")))
    assert len(soup.select(".sources ol > li")) == 8
    assert soup.select('a[href$="/guidance/low-blood-counts"]')


def test_the_pages_in_both_languages_lead_to_pages_of_their_own_language(client):
    for language, path in PATHS.items():
        soup = page(client.get(path))
        links = {one["href"] for one in soup.select(".body-more a")}

        assert soup.html["lang"] == language
        assert len(links) == 4
        assert {link.startswith("/es/") for link in links} == {language == "es"}
        assert all(client.get(link).status_code == 200 for link in links)


def test_english_reads_at_us_grade_seven_or_below(client):
    text = " ".join(blocks(page(client.get("/body"))))

    assert textstat.flesch_kincaid_grade(text) <= 7


def test_spanish_reads_as_easily(client):
    text = " ".join(blocks(page(client.get("/es/body"))))
    textstat.set_lang("es")
    try:
        assert textstat.szigriszt_pazos(text) >= 65
    finally:
        textstat.set_lang("en_US")


@each_language
def test_every_source_is_cited_dated_and_safe(language):
    body = load(DATA, language)
    cited = {mark for one in said_in(body) for mark in one.marks}

    assert cited == set(range(1, len(body.sources) + 1))
    for source in body.sources:
        assert source.url.startswith("https://")
        assert source.date == "" or is_iso(source.date)


def test_every_source_of_the_page_is_one_of_the_guidance_on_its_subjects():
    guidance = Guidance.load(DATA)
    known = {source for slug in GUIDANCE for source in guidance.page(slug).sources}

    assert set(load(DATA).sources) <= known


def test_the_page_is_due_for_review_and_not_overdue():
    body = load(DATA)
    today = date.today()  # noqa: DTZ011

    assert body.reviewed_on <= today <= body.review_by, "review data/guidance/en/body.yml, then set its dates"
    assert body.review_by - body.reviewed_on <= timedelta(days=13 * 31)


@each_language
@pytest.mark.parametrize("what", ["journey", "battle", "fight", "!", "brave", "victim", "batalla", "lucha", "guerrer"])
def test_some_words_are_never_used(language, what):
    folder = DATA / "guidance" / language

    assert what not in (folder / "body.yml").read_text(encoding="utf-8").lower()


# The pictures


def kinds(step):
    return Counter(cell.kind for cell in step.marrow)


def test_the_pictures_show_what_their_words_say():
    healthy, change, copies, crowded, blood, spread, remission = load(DATA).steps

    assert kinds(healthy).keys() == {"red", "white", "platelet", "stem"}
    assert kinds(change)["blast"] == 1
    assert change.marrow[0].kind == "blast"
    assert kinds(change)["blast"] < kinds(copies)["blast"] < kinds(crowded)["blast"]
    for kind in ("red", "white", "platelet"):
        assert kinds(crowded)[kind] < kinds(copies)[kind] <= kinds(healthy)[kind]
    assert len(crowded.vessel) < len(healthy.vessel)
    assert {cell.kind for cell in healthy.vessel} == {"red", "white", "platelet"}
    assert "blast" in {cell.kind for cell in blood.vessel}
    assert (spread.marrow, spread.vessel) == ((), ())
    assert kinds(remission)["blast"] == 2
    assert "blast" not in {cell.kind for cell in remission.vessel}


def test_no_cell_of_a_picture_lies_on_another_or_outside():
    for step in load(DATA).steps:
        cells = step.marrow
        for number, one in enumerate(cells):
            assert 15 <= one.x <= 625
            assert 15 <= one.y <= 306
            for other in cells[:number]:
                assert (one.x - other.x) ** 2 + (one.y - other.y) ** 2 >= 28**2
        assert all(325 <= cell.y <= 371 for cell in step.vessel)


def test_every_picture_is_the_same_in_both_languages_and_at_every_start():
    english, spanish = load(DATA), load(DATA, "es")
    load.cache_clear()
    again = load(DATA)

    for one, two, three in zip(english.steps, spanish.steps, again.steps, strict=True):
        assert (one.marrow, one.vessel) == (two.marrow, two.vessel) == (three.marrow, three.vessel)


PALETTES = re.findall(
    r"^(?:  )?(?::root|\.body-model\.is-contrast) \{(.+?)\}",
    (STATIC / "body.css").read_text(),
    re.MULTILINE | re.DOTALL,
)


def test_cells_of_high_contrast_stand_out_from_the_marrow():
    """Kinds differ in shape too; this holds the outlines and fills that high contrast rests on."""
    strong = [
        dict(re.findall(r"--body-([\w-]+): (#[0-9a-f]{6})", text)) for text in PALETTES if "--body-flat: 1" in text
    ]
    strong = [colors for colors in strong if colors]

    assert len(strong) == 2
    assert strong[0] == strong[1]
    for kind in ("red", "white", "platelet", "stem", "blast", "edge"):
        assert contrast(strong[0][kind], strong[0]["marrow"]) >= 4.5, kind


# What is fetched, and how much


def test_nothing_of_the_model_is_loaded_with_the_page(client):
    soup = page(client.get("/body"))

    assert "body.js" in soup.select_one(".body-start")["data-script"]
    assert not [one for one in soup.select("script[src], link[href]") if "body.js" in (one.get("src") or one["href"])]
    assert soup.select_one(".body-start").has_attr("hidden"), "without JavaScript there is no button that does nothing"
    assert soup.select_one("noscript")


def test_the_model_takes_far_less_than_two_hundred_kilobytes(client):
    sizes = {}
    for path in ("/body", *(f"/static/any/{name}" for name in ("body.js", "body.css"))):
        answer = client.get(path)
        assert answer.status_code == 200
        sizes[path] = len(brotli.compress(answer.get_data(), quality=5))

    assert sum(sizes.values()) < AIM < LIMIT, sizes


def test_the_script_says_nothing_of_its_own():
    """Every word is the page's, in the page's language."""
    script = (STATIC / "body.js").read_text(encoding="utf-8")
    texts = re.findall(r"textContent = ([^;]+);", script)

    assert texts
    assert not [text for text in texts if re.search(r'["\'][^"\']*[a-z]{3,} [a-z]', text)]
    assert "http" not in script
    assert "import" not in script


# What the loader says when a file is wrong


@pytest.fixture
def data(tmp_path):
    """A copy of both files, to be spoiled."""
    for language in PATHS:
        folder = tmp_path / "guidance" / language
        folder.mkdir(parents=True)
        (folder / "body.yml").write_bytes((DATA / "guidance" / language / "body.yml").read_bytes())
    return tmp_path


MISTAKES = [
    ("en", "cells. [2]", "cells. [9]", "en/body.yml: there is no source number 9"),
    ("en", "title: What ALL does", "title: [", "en/body.yml cannot be read; mend its YAML"),
    ("es", "médula. [3]", "médula. [2]", "es/body.yml does not match en/body.yml at /steps/7/see/1"),
    ("es", "  - id: copies", "  - id: copias", "es/body.yml does not match en/body.yml at /steps/3/id"),
    ("es", "href: /guidance/tests-and", "href: /guidance/test-and", "does not match en/body.yml at /steps/5/more/href"),
    ("es", "  next: Siguiente\n", "", "es/body.yml does not match en/body.yml at /labels/next"),
]


@pytest.mark.parametrize(("language", "right", "wrong", "told"), MISTAKES, ids=[told for _, _, _, told in MISTAKES])
def test_a_mistake_names_the_file_and_the_place(data, language, right, wrong, told):
    path = data / "guidance" / language / "body.yml"
    text = path.read_text(encoding="utf-8")
    assert text.count(right) >= 1
    path.write_text(text.replace(right, wrong, 1), encoding="utf-8")

    with pytest.raises(SourceError, match=re.escape(told)):
        load(data, language)


def test_a_missing_translation_is_named(data):
    (data / "guidance" / "es" / "body.yml").unlink()

    with pytest.raises(SourceError, match=re.escape("es/body.yml cannot be read")):
        load(data, "es")


def test_a_file_that_is_a_list_is_refused(data):
    (data / "guidance" / "en" / "body.yml").write_text("- one\n")

    with pytest.raises(SourceError, match=re.escape("en/body.yml must be a mapping")):
        load(data)


def test_words_in_the_file_stay_text_on_the_page(app, data):
    """Nothing of the file reaches the page as HTML."""
    path = data / "guidance" / "en" / "body.yml"
    words_of = yaml.safe_load(path.read_text(encoding="utf-8"))
    words_of["steps"][0]["title"] = "<script>alert(1)</script>"
    path.write_text(yaml.safe_dump(words_of), encoding="utf-8")
    with app.test_request_context("/body"):
        html = app.jinja_env.get_template("pages/body.html").render(body=load(data), date_words=str)

    assert "<script>alert" not in html
    assert words(BeautifulSoup(html, "html.parser").select_one("#step-healthy h3")) == "<script>alert(1)</script>"
