"""The facts that ship: whole, sourced, well formed, and nothing shown that must be held back."""

import csv
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from finder.domain.entry import Entry, Rejected, Statement
from finder.domain.identifiers import npi_is_valid
from finder.domain.terminology import Terminology
from finder.sources import get
from finder.sources.centers import FIELDS

DATA = Path(__file__).parents[2] / "data"
CENTERS = DATA / "centers"

# The first three digits of ZIPs by state, as the US Postal Service gives them out.
PREFIXES = {
    "AL": "350-369", "AK": "995-999", "AZ": "850-865", "AR": "716-729", "CA": "900-961", "CO": "800-816",
    "CT": "060-069", "DC": "200-205", "DE": "197-199", "FL": "320-349", "GA": "300-319 398-399", "HI": "967-968",
    "IA": "500-528", "ID": "832-838", "IL": "600-629", "IN": "460-479", "KS": "660-679", "KY": "400-427",
    "LA": "700-714", "MA": "010-027", "MD": "206-219", "ME": "039-049", "MI": "480-499", "MN": "550-567",
    "MO": "630-658", "MS": "386-397", "MT": "590-599", "NC": "270-289", "ND": "580-588", "NE": "680-693",
    "NH": "030-038", "NJ": "070-089", "NM": "870-884", "NV": "889-898", "NY": "005-005 100-149", "OH": "430-459",
    "OK": "730-749", "OR": "970-979", "PA": "150-196", "PR": "006-007 009-009", "RI": "028-029", "SC": "290-299",
    "SD": "570-577", "TN": "370-385", "TX": "750-799 885-885", "UT": "840-847", "VA": "201-201 220-246",
    "VT": "050-059", "WA": "980-994", "WI": "530-549", "WV": "247-268", "WY": "820-831",
}  # fmt: skip
PHONES = ("phone", "new_patient_phone", "referral_phone", "referral_fax", "trial_contact_phone")


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def documents() -> list[dict[str, str]]:
    return _rows(CENTERS / "sources.csv")


@pytest.fixture(scope="module")
def centers() -> dict[str, dict[str, str]]:
    return {row["slug"]: row for row in _rows(CENTERS / "centers.csv")}


@pytest.fixture(scope="module")
def facts() -> list[dict[str, str]]:
    return _rows(CENTERS / "facts.csv")


@pytest.fixture(scope="module")
def entries() -> dict[str, Entry]:
    return {one.key: one for one in get("centers").read(CENTERS, lambda _bytes: None) if isinstance(one, Entry)}


@pytest.fixture(scope="module")
def shown(entries: dict[str, Entry]) -> list[tuple[str, Statement]]:
    return [(entry.key, one) for entry in entries.values() for one in entry.statements]


def _said(shown: list[tuple[str, Statement]], field: str) -> list[tuple[str, Statement]]:
    return [(key, one) for key, one in shown if one.field == field]


@pytest.mark.parametrize(("name", "count"), [("centers", 288), ("specialists", 59)])
def test_every_shipped_row_can_be_used(name: str, count: int) -> None:
    found = list(get(name).read(DATA / name, lambda _bytes: None))
    assert [one for one in found if isinstance(one, Rejected)] == []
    assert len(found) == count


def test_every_document_is_used_and_named_once(
    documents: list[dict[str, str]], centers: dict[str, dict[str, str]], facts: list[dict[str, str]]
) -> None:
    ids = [row["id"] for row in documents]
    assert len(ids) == len(set(ids))
    used = {fact["source"] for fact in facts}
    used |= {row[column] for row in centers.values() for column in row if column.endswith("_source")}
    assert set(ids) == used - {""}


def test_every_document_has_a_licence_and_no_strange_address(documents: list[dict[str, str]]) -> None:
    for row in documents:
        assert row["licence"], row["id"]
        assert re.fullmatch(r"(https?://[a-z0-9.-]+[a-z](/\S*)?)?", row["url"]), row["url"]
        assert not re.search(r"vercel\.app|azureedge|mccdn\.io|scqa\.|-stage\.|altruwe|demo\.", row["url"]), row["url"]


def test_no_fact_stands_twice(facts: list[dict[str, str]]) -> None:
    columns = ("slug", "field", "value", "population", "scope", "source")
    counted = Counter(tuple(fact[column] for column in columns) for fact in facts)
    assert [fact for fact, times in counted.items() if times > 1] == []


def test_facts_stand_in_the_order_of_the_centers(
    centers: dict[str, dict[str, str]], facts: list[dict[str, str]]
) -> None:
    place = {slug: number for number, slug in enumerate(centers)}
    assert all(place[one["slug"]] <= place[next_one["slug"]] for one, next_one in pairwise(facts))


def test_every_statement_names_its_source(shown: list[tuple[str, Statement]]) -> None:
    assert all(one.source for _, one in shown)


def test_there_are_73_designated_centers_when_mayo_counts_once(shown: list[tuple[str, Statement]]) -> None:
    kinds = {
        kind: {"mayo" if key in ("mayo-rochester", "mayo-phoenix", "mayo-jacksonville") else key
               for key, one in _said(shown, "nci_designation") if one.value == kind}
        for kind in ("comprehensive", "clinical", "basic-laboratory")
    }  # fmt: skip
    assert {kind: len(slugs) for kind, slugs in kinds.items()} == {
        "comprehensive": 57,
        "clinical": 9,
        "basic-laboratory": 7,
    }


def test_each_of_the_199_childrens_oncology_group_hospitals_stands_once(shown: list[tuple[str, Statement]]) -> None:
    keys = [key for key, _ in _said(shown, "cog_member")]
    assert len(keys) == len(set(keys)) == 199
    assert "texas-childrens-hospital" not in keys  # Only memory says so: the list names Baylor.


def test_memberships_that_no_document_states_are_unknown(shown: list[tuple[str, Statement]]) -> None:
    keys = {key for key, _ in _said(shown, "nccn_member")}
    assert len(keys) == 25
    assert not keys & {"md-anderson", "osu-james", "st-jude"}


def test_the_laboratories_treat_nobody_and_say_so(entries: dict[str, Entry]) -> None:
    laboratories = [
        {one.field: one.value for one in entry.statements}
        for entry in entries.values()
        if any((one.field, one.value) == ("nci_designation", "basic-laboratory") for one in entry.statements)
    ]
    assert len(laboratories) == 7
    for said in laboratories:
        assert said["facility_type"] == "laboratory"
        assert (said["treats_adults"], said["treats_children"]) == ("no", "no")
        assert not said.keys() & {"city", "street", "phone", "latitude"}


def test_nobody_else_is_said_not_to_treat_somebody(
    centers: dict[str, dict[str, str]], shown: list[tuple[str, Statement]]
) -> None:
    for field in ("treats_adults", "treats_children"):
        refusing = {key for key, one in _said(shown, field) if one.value == "no"}
        assert {centers[key]["facility_type"] for key in refusing} == {"laboratory"}


def test_nothing_that_is_only_implied_is_kept(facts: list[dict[str, str]]) -> None:
    assert not [fact for fact in facts if "implied" in fact["value"] or "unknown" in fact["value"]]


def test_taking_part_in_a_car_t_trial_is_never_an_offer(shown: list[tuple[str, Statement]]) -> None:
    trials = {key for key, _ in _said(shown, "car_t_trial")}
    offers = [one for key, one in _said(shown, "car_t") if key in trials]
    assert len(trials) == 55
    assert "oneal-uab" not in {key for key, _ in _said(shown, "car_t")}
    assert not [one for one in offers if one.source.startswith("NCI's clinical trial records")]


def test_every_statement_of_car_t_for_all_says_for_whom(shown: list[tuple[str, Statement]]) -> None:
    statements = _said(shown, "car_t_all")
    assert all("ALL" in one.scope for _, one in statements)
    assert not {key for key, _ in statements} & {"winship", "banner-university-medical-center-tucson"}


def test_no_website_is_shown_by_plain_http_and_none_twice(shown: list[tuple[str, Statement]]) -> None:
    for field in ("website", "leukemia_page"):
        assert all(one.value.startswith("https://") for _, one in _said(shown, field))
    counted = Counter(key for key, _ in _said(shown, "website"))
    assert max(counted.values()) == 1


@pytest.mark.parametrize(
    ("slug", "number"),
    [
        ("vannie-cook-childrens-clinic", "832-828-1727"),
        ("johns-hopkins-all-childrens-hospital", "713-898-7451"),
        ("mayo-jacksonville", "507-538-7623"),
        ("akron-childrens-hospital", "330-543-8580"),
        ("ucsf-helen-diller", "888-689-8273"),
        ("sylvester", "305-243-4129"),
        ("rogel-michigan", "734-647-8902"),
        ("st-jude", "866-278-5833"),
    ],
)
def test_a_number_that_is_held_back_is_kept_but_not_shown(
    facts: list[dict[str, str]], shown: list[tuple[str, Statement]], slug: str, number: str
) -> None:
    kept = [fact for fact in facts if fact["slug"] == slug and fact["value"] == number]
    assert kept
    assert all(fact["held_back"] for fact in kept)
    assert number not in [one.value for key, one in shown if key == slug]


@pytest.mark.parametrize(
    "slug", ["chao-family-uci", "moores-ucsd", "usc-norris", "yale-cancer-center", "arkansas-childrens-hospital"]
)
def test_a_transfer_center_is_for_clinicians_only(shown: list[tuple[str, Statement]], slug: str) -> None:
    numbers = [one for key, one in _said(shown, "referral_phone") if key == slug]
    assert numbers
    assert {one.audience for one in numbers} == {"clinician"}


@pytest.mark.parametrize(
    ("slug", "number"),
    [
        ("johns-hopkins-kimmel", "443-287-6997"),
        ("uchicago", "877-825-4363"),
        ("masonic-minnesota", "612-365-8100"),
        ("yale-cancer-center", "203-737-7635"),
    ],
)
def test_a_line_for_children_at_a_mixed_center_is_marked_so(
    shown: list[tuple[str, Statement]], slug: str, number: str
) -> None:
    assert {one.population for key, one in shown if key == slug and one.value == number} == {"pediatric"}


def test_every_telephone_says_for_whom_it_is(shown: list[tuple[str, Statement]]) -> None:
    assert all(one.audience in {"patient", "clinician", "both"} for field in PHONES for _, one in _said(shown, field))


def test_a_zip_lies_in_its_state(centers: dict[str, dict[str, str]]) -> None:
    for slug, row in centers.items():
        if row["zip"]:
            ranges = (part.split("-") for part in PREFIXES[row["state"]].split())
            assert any(low <= row["zip"][:3] <= high for low, high in ranges), slug


def test_a_position_lies_in_the_united_states(centers: dict[str, dict[str, str]]) -> None:
    for slug, row in centers.items():
        if row["latitude"]:
            assert 17.5 < float(row["latitude"]) < 71.5, slug
            assert -180 < float(row["longitude"]) < -65, slug


def test_a_center_without_a_position_can_be_placed_by_its_zip_or_city(centers: dict[str, dict[str, str]]) -> None:
    nowhere = [
        slug
        for slug, row in centers.items()
        if not (row["latitude"] or row["zip"] or row["city"]) and row["facility_type"] != "laboratory"
    ]
    assert nowhere == ["city-of-hope-atlanta"]


def test_streets_are_in_proper_case_and_without_mail_codes(centers: dict[str, dict[str, str]]) -> None:
    for slug, row in centers.items():
        street = row["street"]
        assert street == street.strip()
        assert not re.search(r"\b(Mail|Slot|Box|MC\d+|MS:|Rd|Ave|Blvd|\d+(Th|Rd|Nd|St)|Nw|Ne|Sw|Se)\b", street), slug


def test_every_kind_of_fact_is_used(facts: list[dict[str, str]]) -> None:
    assert {fact["field"] for fact in facts} == set(FIELDS)


def test_the_counts_that_the_readme_gives_are_true(
    documents: list[dict[str, str]], centers: dict[str, dict[str, str]], facts: list[dict[str, str]]
) -> None:
    readme = (CENTERS / "README.md").read_text(encoding="utf-8")
    held = sum(bool(fact["held_back"]) for fact in facts)
    dated = {row["id"]: row["as_of"] for row in documents}
    undated = sum(not (fact["as_of"] or dated[fact["source"]]) for fact in facts)
    assert f"document ({len(documents)})" in readme
    assert f"center ({len(centers)})" in readme
    assert f"statement ({len(facts):,})" in readme
    assert f"not shown ({held})" in readme
    assert f"{undated} statements are undated" in readme


def test_every_doctor_of_the_sample_has_a_valid_npi_and_a_described_specialty() -> None:
    terminology = Terminology.from_rows(
        _rows(DATA / "terminology" / "specialties.csv"), _rows(DATA / "terminology" / "designations.csv")
    )
    core = terminology.core_codes("adult") | terminology.core_codes("pediatric")
    for row in _rows(DATA / "specialists" / "sample.csv"):
        assert npi_is_valid(row["npi"])
        assert set(row["specialty_codes"].split(";")) <= core
        assert row["as_of"] in {"2020", "2026"}


def test_names_of_the_sample_are_in_proper_case() -> None:
    rows = _rows(DATA / "specialists" / "sample.csv")
    for row in rows:
        for name in (row["family"], row["given"], row["city"]):
            assert not name.isupper() or len(name) == 1, row["npi"]
    families = {row["family"] for row in rows}
    assert {"de Alarcon", "Abi-Rached"} <= families
