from datetime import date

import pytest

from finder.domain.listing import Address, Layer, Listing
from finder.web import facts
from tests.factories import said, terminology

TODAY = date(2026, 6, 1)


def listing(*statements, layer=Layer.CENTERS, slug="a-center"):
    return Listing(f"center-{slug}", layer, slug, "A Center", Address(), None, None, 0, 0, statements)


def rows(*statements, **more):
    groups = facts.groups(listing(*statements, **more), terminology(), TODAY)
    return {row.label: row for group in groups for row in group.rows}


def titles(*statements, **more):
    return [group.title for group in facts.groups(listing(*statements, **more), terminology(), TODAY)]


def test_facts_are_grouped_in_the_order_in_which_a_reader_needs_them():
    shown = titles(
        said("all_trial", "NCT01"),
        said("cog_member"),
        said("treats_adults"),
        said("phone", "617-555-0100"),
        said("car_t"),
    )

    assert shown == [
        "How to reach them",
        "Who is treated",
        "Designations and memberships",
        "Leukemia, transplant and CAR-T programs",
        "Trials they took part in",
    ]


def test_a_row_names_its_source_and_date():
    row = rows(said("treats_adults", source="A list", url="https://example.org", as_of="2025-10"))["Treats adults"]

    assert (row.values, row.source, row.url, row.date) == (
        (("Yes", ""),),
        "A list",
        "https://example.org",
        "October 2025",
    )
    assert not row.stale


def test_what_two_sources_say_alike_stands_once_with_both():
    same = [
        said("phone", "617-555-0100", source="A list", as_of="2026"),
        said("phone", "617-555-0199", source="A list", as_of="2026"),
        said("phone", "617-555-0100", source="Another", as_of="2025", note="Ask for the clinic."),
        said("phone", "617-555-0100", source="A third", as_of="2024", note="Closed on Fridays."),
    ]
    (group,) = facts.groups(listing(*same), terminology(), TODAY)

    assert [(row.values[0][0], row.source, [other.source for other in row.others]) for row in group.rows] == [
        ("617-555-0100", "A list", ["Another"]),
        ("617-555-0199", "A list", []),
        ("617-555-0100", "A third", []),
    ]
    assert group.rows[0].note == "Ask for the clinic."
    assert [number for number, _, _ in facts.first_calls(listing(*same[:1], same[2]))] == ["617-555-0100"]


@pytest.mark.parametrize(("as_of", "stale"), [("2023", True), ("", True), ("2024-06-01", False), ("2025", False)])
def test_a_fact_of_more_than_two_years_ago_or_without_a_date_is_stale(as_of, stale):
    assert rows(said("treats_adults", as_of=as_of))["Treats adults"].stale is stale


def test_a_program_is_stated_by_its_source_and_says_for_whom():
    row = rows(said("car_t_all", "authorized", population="pediatric"))["Authorized center for CAR-T therapy for ALL"]

    assert row.said == "Stated by"
    assert row.values == (("Children", ""),)
    assert row.meaning


def test_an_age_group_that_nobody_stated_is_said_to_be_unknown():
    row = rows(said("allogeneic_transplant"))["Donor (allogeneic) transplants"]

    assert row.values == (("Age group not stated", ""),)


def test_trials_of_one_source_and_date_stand_together_with_their_links():
    shown = rows(
        said("all_trial", "NCT02112916", scope="AALL1231"),
        said("all_trial", "NCT03914625"),
        said("car_t_trial", "NCT03601078"),
    )

    assert shown["Trials of treatment for ALL"].values == (
        ("AALL1231 (NCT02112916)", "https://clinicaltrials.gov/study/NCT02112916"),
        ("NCT03914625", "https://clinicaltrials.gov/study/NCT03914625"),
    )
    assert len(shown["Trials of CAR-T therapy, for any disease"].values) == 1


def test_a_note_that_only_repeats_the_label_is_left_out():
    shown = rows(
        said("phone", "617-555-0100", note="Main number."),
        said("website", "https://example.org/", note="Closed on Fridays."),
    )

    assert shown["Main number"].note == ""
    assert shown["Website"].note == "Closed on Fridays."
    assert shown["Website"].values == (("example.org", "https://example.org/"),)


def test_every_line_for_new_patients_is_a_first_call():
    lines = facts.first_calls(
        listing(
            said("phone", "617-555-0100"),
            said("new_patient_phone", "617-555-0101", population="adult"),
            said("new_patient_phone", "617-555-0102", population="pediatric"),
            said("new_patient_phone", "617-555-0103", audience="clinician"),
        )
    )

    assert lines == [
        ("617-555-0101", "New patients (adults)", "tel:+1-617-555-0101"),
        ("617-555-0102", "New patients (children)", "tel:+1-617-555-0102"),
    ]


def test_without_a_line_for_new_patients_the_main_number_is_the_first_call():
    assert facts.first_calls(listing(said("phone", "617-555-0100"))) == [
        ("617-555-0100", "Main number. Ask for the leukemia or new-patient line.", "tel:+1-617-555-0100")
    ]
    assert facts.first_calls(listing()) == []


def test_what_no_source_says_becomes_a_question():
    asked = facts.unknowns(listing(said("treats_adults"), said("car_t_all", "trial-site")))

    assert "Do you treat adults with ALL?" not in asked
    assert "Do you treat children with ALL?" in asked
    assert "Do you give CAR-T therapy for ALL?" in asked
    assert "Do you give CAR-T therapy for ALL?" not in facts.unknowns(listing(said("car_t_all", "offers")))


def test_car_t_for_another_disease_does_not_answer_for_all():
    assert "Do you give CAR-T therapy for ALL?" in facts.unknowns(listing(said("car_t", scope="lymphoma")))


def test_a_specialist_shows_specialty_words_and_registry():
    doctor = {"layer": Layer.SPECIALISTS, "slug": "1234567893"}
    shown = rows(said("family", "Doe"), said("credentials", "MD"), said("specialty", "2080P0207X"), **doctor)

    assert shown["National provider number (NPI)"].values == (("1234567893", ""),)
    assert shown["Degree or title"].values == (("MD", ""),)
    assert any("2080P0207X" in label for label in shown)


def test_a_code_that_nobody_described_is_shown_as_such():
    assert rows(said("specialty", "999X00000X"), layer=Layer.SPECIALISTS)["NUCC 999X00000X"].values == (
        ("A specialty that we have no words for", ""),
    )


@pytest.mark.parametrize(
    ("statement", "layer", "words"),
    [
        (said("new_patient_phone", "1"), Layer.CENTERS, "New patients"),
        (said("new_patient_phone", "1", population="adult"), Layer.CENTERS, "New patients (adults)"),
        (said("phone", "1"), Layer.CENTERS, "Main number. Ask for the leukemia or new-patient line."),
        (said("phone", "1"), Layer.SPECIALISTS, "Office"),
        (said("phone", "1", scope="leukemia clinic"), Layer.CENTERS, "Leukemia clinic"),
    ],
)
def test_a_number_says_whose_line_it_is(statement, layer, words):
    assert facts.phone_words(statement, layer) == words
