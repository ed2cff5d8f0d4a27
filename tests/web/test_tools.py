"""The pages of the tools, in both languages: the same questions and records, nothing to send, plain words."""

import re
import shutil
from datetime import date

import pytest
import textstat
import yaml

from finder.errors import SourceError
from finder.guidance import Guidance, questions, records
from finder.settings import PROJECT, load
from tests.web.page_check import page, words

DATA = load({}).data
LANGUAGES = ("en", "es")
PATHS = ["/questions", "/records", "/es/questions", "/es/records"]
RECORDS = {language: records.load(DATA, language) for language in LANGUAGES}
ASKED = {
    language: questions.situations(Guidance.load(DATA, language).page(questions.PAGE).html) for language in LANGUAGES
}


def items(language):
    return [item for group in RECORDS[language].groups for item in group.items]


@pytest.mark.parametrize("path", PATHS)
def test_each_tool_is_a_sound_page_in_each_language(client, path):
    soup = page(client.get(path))

    assert soup.html["lang"] == ("es" if path.startswith("/es") else "en")
    assert len({link["hreflang"] for link in soup.select('link[rel="alternate"]')}) == 2


@pytest.mark.parametrize("path", PATHS)
def test_nothing_of_a_tool_can_be_sent(client, path):
    soup = page(client.get(path))

    assert soup.find("form") is None
    for control in soup.main.find_all(["input", "textarea", "button"]):
        assert not control.get("name")
        assert control.name != "button" or control["type"] == "button"


@pytest.mark.parametrize("path", PATHS)
def test_help_lines_stand_at_the_end_of_every_print(client, path):
    foot = words(page(client.get(path)).select_one(".print-foot"))

    assert all(number in foot for number in ("1-800-422-6237", "1-800-955-4572", "1-800-227-2345", "911"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_questions_are_those_of_the_guidance_page(client, language):
    prefix = "" if language == "en" else f"/{language}"
    guidance = page(client.get(f"{prefix}/guidance/{questions.PAGE}")).select_one(".prose")
    builder = page(client.get(f"{prefix}/questions"))

    assert [words(box) for box in builder.select(".situation .choice")] == [
        " ".join(item.get_text().split()) for item in guidance.find_all("li")
    ]
    assert [words(heading) for heading in builder.select(".situation h2")] == [
        words(heading) for heading in guidance.find_all("h2")
    ]


def test_a_question_has_the_same_id_in_each_language():
    ids = {
        language: [(situation.id, [question.id for question in situation.questions]) for situation in asked]
        for language, asked in ASKED.items()
    }

    assert ids["en"] == ids["es"]
    assert ids["en"][1] == ("situation-2", ["q2-1", "q2-2", "q2-3"])
    assert sum(len(each) for _id, each in ids["en"]) > 40


def test_what_was_kept_goes_by_an_edition_that_is_one_for_all_languages_and_changes_with_a_question(client):
    editions = {page(client.get(path)).select_one("#questions")["data-edition"] for path in PATHS[::2]}
    html = "<h2>One</h2><p>Text</p><ul><li>Who?</li><li>When <em>exactly</em>?</li></ul>"
    (situation,) = asked = questions.situations(html)

    assert editions == {questions.edition(ASKED["en"])}
    assert [question.text for question in situation.questions] == ["Who?", "When exactly?"]
    assert questions.edition(asked) == questions.edition(questions.situations(html.replace("Text", "Other text")))
    assert questions.edition(asked) != questions.edition(questions.situations(html.replace("Who?", "Where?")))


def test_a_heading_without_questions_is_no_situation_and_leaves_the_numbers_of_the_others():
    asked = questions.situations("<li>Lost</li><h2>A</h2><p>None</p><h2>B</h2><ul><li>Who?</li></ul>")

    assert [(one.title, [question.id for question in one.questions]) for one in asked] == [("B", ["q2-1"])]


def test_a_record_has_the_same_id_and_fields_in_each_language(client):
    found = {
        language: [
            (item["data-item"], [field["data-field"] for field in item.select("[data-field]")])
            for item in page(client.get(path)).select("[data-item]")
        ]
        for language, path in (("en", "/records"), ("es", "/es/records"))
    }

    assert found["en"] == found["es"]
    assert len(found["en"]) == len(set(dict(found["en"]))) == len(items("en"))


# Section by section, what patients, parents and doctors say must be kept.
@pytest.mark.parametrize(
    ("group", "kept"),
    [
        ("diagnosis", "type marrow markers genes counts spinal"),
        ("before", "allergies medicines illness heart viruses tissue fertility"),
        ("treatment", "plan drugs steroids asparaginase taps"),
        ("radiation", "radiation"),
        ("cells", "transplant cart"),
        ("response", "marrows remission mrd"),
        ("events", "stays harm blood"),
        ("procedures", "operations letters"),
        ("people", "team portal plan"),
        ("images", "images"),
        ("after", "summary followup vaccines"),
        ("papers", "forms bills work"),
    ],
)
def test_an_id_of_a_record_stays_because_the_files_of_readers_go_by_it(group, kept):
    found = {one.id: [item.id for item in one.items] for one in RECORDS["en"].groups}

    assert found[group] == kept.split()


def test_no_field_asks_who_the_patient_is():
    labels = [(item.id, field.label.lower()) for item in items("en") for field in item.fields]

    for item, label in labels:
        assert not re.search(r"social security|\bssn\b|birth|password|member|patient", label)
        assert "name" not in label or item in {"drugs", "steroids", "mrd", "cart", "team", "plan", "medicines"}
    assert ("team", "name") in labels


@pytest.mark.parametrize("path", PATHS[1::2])
def test_the_record_keeper_cites_each_of_its_sources_and_is_reviewed(client, path):
    soup = page(client.get(path))
    cited = {link["href"] for link in soup.select(".why a")}

    assert cited == {f"#{source['id']}" for source in soup.select(".sources li")}
    assert date.today() <= RECORDS["en"].review_by  # noqa: DTZ011


def sentences(language):
    for item in items(language):
        yield from (item.what, item.why, *(field.label for field in item.fields))
    if language == "en":
        for name in ("questions", "records"):
            yield from re.findall(
                r'_\("([^"]+)"', (PROJECT / f"templates/pages/{name}.html").read_text(encoding="utf-8")
            )


def measured(language):
    return " ".join(text if text[-1] in ".?" else f"{text}." for text in sentences(language))


def test_the_tools_read_at_us_grade_seven_or_below():
    assert textstat.flesch_kincaid_grade(measured("en")) <= 7


def test_the_records_are_plain_in_spanish():
    textstat.set_lang("es")
    try:
        index = textstat.szigriszt_pazos(measured("es"))
    finally:
        textstat.set_lang("en_US")
    assert index >= 55


@pytest.mark.parametrize("script", ["questions.js", "records.js"])
def test_a_script_says_the_same_things_in_each_language(script):
    table = (PROJECT / "finder/web/static" / script).read_text(encoding="utf-8")
    english, spanish = re.search(r"\n  en: \{\n(.+?)\n  \},\n  es: \{\n(.+?)\n  \},", table, re.DOTALL).groups()
    names = [re.findall(r"^    (\w+):", part, re.MULTILINE) for part in (english, spanish)]

    assert names[0] == names[1]
    assert len(names[0]) > 10
    assert "!" not in re.sub(r"!==?", "", english + spanish)


@pytest.mark.parametrize("script", ["device.js", "questions.js", "records.js"])
def test_no_script_of_a_tool_knows_how_to_send_or_to_make_html_of_a_text(script):
    text = (PROJECT / "finder/web/static" / script).read_text(encoding="utf-8")

    for way in ("fetch(", "XMLHttpRequest", "sendBeacon", "WebSocket", "EventSource", ".submit", "innerHTML", "eval("):
        assert way not in text


# What the loader says when a file is wrong: each case spoils a copy of what ships.
@pytest.fixture
def copied(tmp_path):
    for language in LANGUAGES:
        folder = tmp_path / "guidance" / language
        folder.mkdir(parents=True)
        shutil.copy(DATA / "guidance" / language / "records.yml", folder)
    return tmp_path


@pytest.mark.parametrize(
    ("language", "old", "new", "said"),
    [
        ("es", "id: marrow\n", "id: marow\n", r"es/records.yml: items must have the ids type, marrow"),
        ("es", '{id: "on", label: Fecha del diagnóstico}', '{id: "on"}', r"es/records.yml: on needs label"),
        ("en", "kind: date", "kind: day", r"kind must be one of text, date, notes"),
        ("en", "sources: [2]", "sources: [9]", r"there is no source number 9"),
        ("en", "id: genes\n", "id: marrow\n", r"items must have the ids .*, each once"),
        ("es", "groups:", "grupos:", r"es/records.yml must be a mapping with groups"),
        ("en", "groups:", "groups: [", r"en/records.yml cannot be read; mend its YAML"),
    ],
)
def test_a_wrong_file_of_records_is_refused_with_its_name_and_the_mend(copied, language, old, new, said):
    path = copied / "guidance" / language / "records.yml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")

    with pytest.raises(SourceError, match=said):
        records.load(copied, language)


def test_a_missing_language_of_the_records_is_refused(copied):
    (copied / "guidance" / "es" / "records.yml").unlink()

    assert records.load(copied, "en") == RECORDS["en"]
    with pytest.raises(SourceError, match=r"es/records.yml cannot be read"):
        records.load(copied, "es")


def test_the_spanish_file_holds_words_alone():
    spanish = yaml.safe_load((DATA / "guidance/es/records.yml").read_text(encoding="utf-8"))

    assert set(spanish) == {"groups"}
    fields = [field for group in spanish["groups"] for item in group["items"] for field in item["fields"]]
    assert {name for field in fields for name in field} == {"id", "label"}
