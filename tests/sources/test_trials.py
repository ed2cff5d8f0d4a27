import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finder.domain.entry import Entry, Identifier, Rejected, Statement
from finder.errors import SourceError
from finder.sources import trials

FIXTURE = Path(__file__).parents[1] / "data" / "sources" / "trials"
SHARED = Path(__file__).resolve().parents[2].parent / "shared"
real = pytest.mark.skipif(not SHARED.exists(), reason="the real samples are not here")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FIXTURE / "pages", tmp_path / "pages"))


def _read(path: Path) -> list[Entry | Rejected]:
    return list(trials.read(path, lambda _bytes: None))


def _entries(path: Path) -> list[Entry]:
    return [one for one in _read(path) if isinstance(one, Entry)]


def _of(entry: Entry) -> dict[str, str]:
    return {one.field: one.value for one in entry.statements}


def _page(folder: Path, change) -> Path:
    """Change the first page and return its path; the change gets the page and its first study's protocol."""
    path = folder / "page-1.json"
    page = json.loads(path.read_text(encoding="utf-8"))
    change(page, page["studies"][0]["protocolSection"])
    path.write_text(json.dumps(page), encoding="utf-8")
    return path


def _sites(protocol) -> list[dict[str, str]]:
    return protocol["contactsLocationsModule"]["locations"]


def test_each_site_in_the_us_of_each_trial_for_all_is_an_entry(folder: Path) -> None:
    assert [one.key for one in _entries(folder)] == [
        "NCT99990001|example-childrens-hospital-springfield-il-62701",
        "NCT99990001|example-west-clinic-springfield-il-62711",
        "NCT99990001|hospital-de-ejemplo-san-juan-pr-00907",
        "NCT99990001|no-status-medical-center-peoria-il",
        "NCT99990003|example-hospital-boston-ma-02115",
    ]


def test_a_site_says_where_it_is_and_which_trial_it_has_with_the_day_of_the_record(folder: Path) -> None:
    first = _entries(folder)[0]
    assert first.resource == "Organization"
    assert first.identifiers == (Identifier("urn:all-care-finder:trial-site", first.key),)
    assert _of(first) == {
        "name": "Example Children's Hospital",
        "city": "Springfield",
        "state": "IL",
        "zip": "62701",
        "trial": "NCT99990001",
        "trial_phase": "phase 2/phase 3",
        "trial_minimum_age": "1 year",
        "trial_maximum_age": "31 years",
        "trial_last_update": "2026-09-22",
        "trial_site_status": "recruiting",
    }
    assert {(one.source, one.url, one.as_of) for one in first.statements} == {
        ("ClinicalTrials.gov", "https://clinicaltrials.gov/study/NCT99990001", "2026-09-22")
    }
    assert (first.updated_on, first.file, first.line) == ("2026-09-22", "page-1.json", 7)
    trial = next(one for one in first.statements if one.field == "trial")
    assert trial.scope == "Invented Study of Agent X in B-ALL"


def test_a_site_without_a_status_of_its_own_does_not_get_that_of_its_trial(folder: Path) -> None:
    statuses = [_of(one).get("trial_site_status") for one in _entries(folder)]
    assert statuses == ["recruiting", "suspended", "not yet recruiting", None, None]


def test_nobody_who_is_named_in_a_record_is_kept(folder: Path) -> None:
    kept = repr(_entries(folder))
    assert "Invented Person" not in kept
    assert "@" not in kept
    assert "202-555" not in kept


def test_a_trial_is_known_by_its_medical_heading_where_its_conditions_do_not_tell(folder: Path) -> None:
    last = _of(_entries(folder)[-1])
    assert (last["trial"], last["trial_phase"]) == ("NCT99990003", "early phase 1")
    assert "trial_minimum_age" not in last


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("Acute Lymphocytic Leukemia", True),
        ("Acute Lymphoid Leukemia in Remission", True),
        ("Leukemia, Lymphoblastic, Acute", True),
        ("Leukemia, Acute Lymphocytic", True),
        ("T-Cell Acute Lymphoblastic Leukaemia", True),
        ("Acute B-Cell Lymphoid Leukemia", True),
        ("Precursor B-Lymphoblastic Leukemia/Lymphoma", True),
        ("Acute Myeloid Leukemia or Chronic Lymphocytic Leukemia", False),
        ("Acute Myeloid Leukemia", False),
        ("Lymphoid Leukemia", False),
        ("Acute Lymphedema", False),
    ],
)
def test_conditions_that_are_all(folder: Path, condition: str, expected: bool) -> None:
    path = _page(folder, lambda _page, protocol: protocol["conditionsModule"].update(conditions=[condition]))
    assert bool(_entries(path)) is expected


def test_the_older_form_of_nci_says_the_same_things() -> None:
    boston, dayton = _entries(FIXTURE / "nci.json")
    assert boston.key == "NCT99990004|example-hospital-boston-ma-02115"
    assert _of(boston) == {
        "name": "Example Hospital",
        "city": "Boston",
        "state": "MA",
        "zip": "02115",
        "trial": "NCT99990004",
        "trial_phase": "phase 2/phase 3",
        "trial_minimum_age": "1 year",
        "trial_site_status": "recruiting",
    }
    assert boston.statements[-1] == Statement(
        "trial_site_status",
        "recruiting",
        "NCI, the trial search of the National Cancer Institute",
        url="https://clinicaltrials.gov/study/NCT99990004",
        as_of="2020-02-03",
    )
    assert _of(dayton)["trial_site_status"] == "suspended"
    assert {one.as_of for one in dayton.statements} == {"2021-05-01"}


@pytest.mark.parametrize("suffix", [".ndjson", ".jsonl"])
def test_one_study_a_line_is_read_too(folder: Path, suffix: str) -> None:
    pages = [json.loads((folder / name).read_text(encoding="utf-8")) for name in ("page-1.json", "page-2.json")]
    lines = [json.dumps(study) for page in pages for study in page["studies"]]
    path = folder.parent / f"studies{suffix}"
    path.write_text("\n\n".join(lines), encoding="utf-8")
    assert [one.statements for one in _entries(path)] == [one.statements for one in _entries(folder)]
    assert [one.line for one in _entries(path)] == [1, 1, 1, 1, 5]


def test_a_complete_pull_is_a_full_list_with_the_day_of_the_registry(folder: Path) -> None:
    delivery = trials.identify(folder)
    assert (delivery.kind, delivery.released_on) == ("full", "2026-10-01")
    (folder / "version.json").unlink()
    assert trials.identify(folder).released_on == ""


def test_a_pull_that_breaks_off_before_its_last_page_is_not_a_full_list(folder: Path) -> None:
    (folder / "page-2.json").unlink()
    assert trials.identify(folder).kind == "update"


def test_progress_ends_with_the_bytes_of_all_files(folder: Path) -> None:
    seen: list[int] = []
    list(trials.read(folder, seen.append))
    sizes = [(folder / name).stat().st_size for name in ("page-1.json", "page-2.json")]
    assert seen == [sizes[0], sum(sizes)]


@pytest.mark.parametrize(
    ("site", "column", "code"),
    [
        ({"facility": ""}, "facility", "missing"),
        ({"facility": None}, "facility", "missing"),
        ({"city": " "}, "city", "missing"),
        ({"facility": "EXAMPLE West Clinic", "city": "Springfield", "zip": "62711-0001"}, "facility", "duplicate"),
    ],
)
def test_a_site_that_cannot_be_used_is_rejected_and_stops_nothing(
    folder: Path, site: dict[str, str], column: str, code: str
) -> None:
    path = _page(folder, lambda _page, protocol: _sites(protocol)[4].update(site))
    *good, bad = _read(path)
    assert all(isinstance(one, Entry) for one in good)
    assert isinstance(bad, Rejected)
    assert (bad.column, bad.code) == (column, code)


@pytest.mark.parametrize(
    ("site", "field", "code"),
    [
        ({"state": "Ilinois"}, "state", "bad-state"),
        ({"state": ""}, "state", "bad-state"),
        ({"zip": "6270"}, "zip", "bad-zip"),
        ({"status": "OPEN"}, "trial_site_status", "bad-status"),
    ],
)
def test_a_bad_value_is_left_out_and_reported(folder: Path, site: dict[str, str], field: str, code: str) -> None:
    path = _page(folder, lambda _page, protocol: _sites(protocol)[0].update(site))
    first = _entries(path)[0]
    assert [one.code for one in first.warnings] == [code]
    assert field not in _of(first)


def test_a_site_does_not_recruit_for_a_trial_that_has_stopped(folder: Path) -> None:
    path = _page(folder, lambda _page, protocol: protocol["statusModule"].update(overallStatus="COMPLETED"))
    first, second, *_ = _entries(path)
    assert "trial_site_status" not in _of(first)
    assert [one.code for one in first.warnings] == ["status-conflict"]
    assert _of(second)["trial_site_status"] == "suspended"


def test_a_trial_without_a_number_is_rejected(folder: Path) -> None:
    path = _page(folder, lambda _page, protocol: protocol["identificationModule"].update(nctId="NCT1"))
    assert [one.code for one in _read(path) if isinstance(one, Rejected)] == ["bad-nct"]


def test_malformed_json_stops_before_the_first_entry_with_file_and_place(folder: Path) -> None:
    (folder / "page-2.json").write_text('{"studies": [\n  {"protocolSection": }\n]}', encoding="utf-8")
    with pytest.raises(SourceError, match=r"page-2\.json is not JSON at line 2, column 23"):
        trials.read(folder, lambda _bytes: None)


def test_a_line_that_was_cut_off_names_its_place(tmp_path: Path) -> None:
    path = tmp_path / "studies.ndjson"
    path.write_text('{"nct_id": "NCT99990004"}\n{"nct_id": "NCT9', encoding="utf-8")
    with pytest.raises(SourceError, match=r"studies\.ndjson is not JSON at line 2, column 12"):
        trials.read(path, lambda _bytes: None)


@pytest.mark.parametrize("content", ["[]", "{}", "3", '{"resourceType": "Bundle"}', '{"studies": [1]}', "null"])
def test_json_that_is_no_list_of_trials_is_told_from_an_empty_one(tmp_path: Path, content: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(content, encoding="utf-8")
    if content == "[]":
        assert _read(path) == []
        return
    with pytest.raises(SourceError, match="not a trial"):
        trials.read(path, lambda _bytes: None)


def test_a_file_that_is_not_there_or_not_utf8_or_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gone\.json cannot be read \(No such file"):
        trials.read(tmp_path / "gone.json", lambda _bytes: None)
    with pytest.raises(SourceError, match="holds no JSON file"):
        trials.identify(tmp_path)
    (tmp_path / "latin.json").write_bytes(b'{"a": "\xe9"}')
    with pytest.raises(SourceError, match="is not UTF-8 at byte 7"):
        trials.identify(tmp_path)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(locations=_json, status=_json, conditions=_json)
def test_a_record_of_any_shape_never_breaks_the_reading(tmp_path_factory, locations, status, conditions) -> None:
    study = {
        "protocolSection": {
            "identificationModule": {"nctId": "NCT99990001"},
            "statusModule": status,
            "conditionsModule": {"conditions": conditions},
            "contactsLocationsModule": {"locations": locations},
        },
        "derivedSection": {"conditionBrowseModule": {"meshes": [{"id": "D054198"}]}},
    }
    path = tmp_path_factory.mktemp("any") / "page.json"
    path.write_text(json.dumps({"studies": [study]}), encoding="utf-8")
    assert all(isinstance(one, Entry | Rejected) for one in _read(path))


@pytest.mark.parametrize(
    ("text", "code"),
    [("Massachusetts", "MA"), ("ma", "MA"), ("D.C.", "DC"), ("puerto rico", "PR"), ("Ontario", ""), ("", "")],
)
def test_a_state_is_known_by_name_and_by_letters(text: str, code: str) -> None:
    assert trials.state_code(text) == code


@real
def test_the_real_trials_of_nci_are_read_without_a_loss() -> None:
    samples = sorted((SHARED / "reference" / "samples").glob("nci_trial_*.json"))
    found = [_read(path) for path in samples]
    assert [len(one) for one in found] == [425, 193]
    assert not [one for sites in found for one in sites if isinstance(one, Rejected) or one.warnings]
