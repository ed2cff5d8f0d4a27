import gzip
import json
import shutil
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from finder.domain.entry import Entry, Identifier, Rejected
from finder.domain.identifiers import CCN_SYSTEM, NPI_SYSTEM
from finder.errors import SourceError
from finder.sources import fhir, fhir_files

FIXTURE = Path(__file__).parents[1] / "data" / "sources" / "fhir"
SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "reference"
MARIA, JOHN, PAT = "2900001019", "2900001027", "2900001043"
CMS_NPI = "http://terminology.hl7.org/NamingSystem/npi"

LOCATIONS = b'{"resourceType":"Location","id":"x"}\n' * 99

QUALIFIED = '{"code": {"coding": [{"code": "207RH0003X"}]}}'

Resource = dict[str, Any]
Change = Callable[[Resource], object]


def _read(path: Path) -> list[Entry | Rejected]:
    return list(fhir.read(path, lambda _bytes: None))


def _entries(path: Path) -> dict[str, Entry]:
    return {one.key: one for one in _read(path) if isinstance(one, Entry)}


def _rejected(path: Path) -> list[Rejected]:
    return [one for one in _read(path) if isinstance(one, Rejected)]


def _values(entry: Entry, *fields: str) -> list[str]:
    return [one.value for one in entry.statements if one.field in fields]


@pytest.fixture
def cms(tmp_path: Path) -> Path:
    """The four bulk files, as CMS's directory writes them."""
    return Path(shutil.copytree(FIXTURE / "cms", tmp_path / "cms"))


def _changed(folder: Path, kind: str, line: int, change: Change) -> None:
    path = next(folder.glob(f"*-{kind}.ndjson"))
    lines = path.read_text(encoding="utf-8").splitlines()
    resource = json.loads(lines[line - 1])
    change(resource)
    lines[line - 1] = json.dumps(resource, separators=(",", ":"))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def bundle(tmp_path: Path) -> Callable[[Change], Path]:
    """Make a Bundle of the shipped one after a change to its resources by id."""

    def make(change: Change) -> Path:
        body = json.loads((FIXTURE / "bundle.json").read_text(encoding="utf-8"))
        change({entry["resource"]["id"]: entry["resource"] for entry in body["entry"]})
        path = tmp_path / "bundle.json"
        path.write_text(json.dumps(body, indent=1), encoding="utf-8")
        return path

    return make


def test_who_treats_leukemia_by_a_qualification_or_an_active_role_has_an_entry() -> None:
    found = _entries(FIXTURE / "cms")
    assert list(found) == [MARIA, JOHN, PAT, "org:Organization-1", "org:Organization-3"]
    assert found[MARIA].resource == "PractitionerRole"
    assert found[MARIA].identifiers == (Identifier(NPI_SYSTEM, MARIA),)
    assert (found[JOHN].file, found[JOHN].line) == ("06-Practitioner.ndjson", 2)
    assert _values(found[JOHN], "specialty") == ["207R00000X", "207RX0202X"]


def test_a_doctor_has_the_official_name_and_the_place_of_the_role_for_leukemia_first() -> None:
    doctor = _entries(FIXTURE / "bundle.json")[MARIA]
    assert [(one.field, one.value, one.as_of) for one in doctor.statements] == [
        ("family", "Example", "2026-10-01"),
        ("given", "María", "2026-10-01"),
        ("middle", "J.", "2026-10-01"),
        ("suffix", "Jr.", "2026-10-01"),
        ("credentials", "MD", "2026-10-01"),
        ("specialty", "2080P0207X", "2026-10-01"),
        ("specialty", "208000000X", "2026-08-01"),
        ("organization_name", "Example Children's", "2026-07-01"),
        ("street", "100 Example Ave", "2026-06-01"),
        ("city", "Springfield", "2026-06-01"),
        ("state", "IL", "2026-06-01"),
        ("zip", "62701", "2026-06-01"),
        ("phone", "202-555-0143", "2026-06-01"),
        ("other_location", "7 Sample Rd, Chicago, IL 60601", "2026-05-01"),
    ]
    assert doctor.statements[-1].note == "202-555-0199"
    assert (doctor.updated_on, doctor.ended_on, doctor.warnings) == ("2026-10-01", "", ())


def test_an_organization_is_named_by_its_ccn_and_stands_where_its_own_location_is() -> None:
    center = _entries(FIXTURE / "bundle.json")["org:o1"]
    assert (center.resource, center.identifiers) == ("Organization", (Identifier(CCN_SYSTEM, "99T999"),))
    assert [(one.field, one.value) for one in center.statements] == [
        ("name", "Example Children's"),
        ("other_name", "ECC"),
        ("facility_type", "Children's Hospital"),
        ("website", "https://ecc.example.org"),
        ("parent", "Example Health"),
        ("street", "100 Example Ave"),
        ("city", "Springfield"),
        ("state", "IL"),
        ("zip", "62701"),
        ("phone", "202-555-0143"),
        ("latitude", "39.7817"),
        ("longitude", "-89.6501"),
    ]


def test_a_line_of_a_bundle_is_the_line_of_the_resources_id() -> None:
    lines = (FIXTURE / "bundle.json").read_text(encoding="utf-8").splitlines()
    found = _entries(FIXTURE / "bundle.json")
    assert '"id": "p1"' in lines[found[MARIA].line - 1]
    assert '"id": "o1"' in lines[found["org:o1"].line - 1]


def test_an_organization_without_an_address_stands_at_its_only_location(bundle: Callable[[Change], Path]) -> None:
    center = _entries(bundle(lambda by_id: by_id["o1"].pop("address")))["org:o1"]
    assert _values(center, "street", "latitude") == ["100 Example Ave", "39.7817"]


def test_with_two_locations_nobody_says_which_is_the_organizations_own(bundle: Callable[[Change], Path]) -> None:
    def change(by_id: dict[str, Resource]) -> None:
        by_id["o1"].pop("address")
        by_id["l2"]["managingOrganization"] = {"reference": "Organization/o1"}

    center = _entries(bundle(change))["org:o1"]
    assert not _values(center, "street", "city", "latitude")


def test_the_export_stamp_of_the_cms_directory_is_not_a_date_of_change(cms: Path) -> None:
    found = _entries(cms)
    dates = {one.as_of for entry in found.values() for one in entry.statements}
    assert (dates, {entry.updated_on for entry in found.values()}) == ({""}, {""})
    assert {one.source for one in found[MARIA].statements} == {"CMS National Provider Directory"}
    for path in cms.glob("*.ndjson"):
        path.write_text(path.read_text().replace("2026-09-29", "2026-10-13"))
    again = _entries(cms)
    assert again[MARIA] == found[MARIA]
    assert again["org:Organization-1"] == found["org:Organization-1"]


def test_roles_that_are_not_active_say_nothing(cms: Path) -> None:
    assert not _values(_entries(cms)[MARIA], "other_location")
    _changed(cms, "PractitionerRole", 2, lambda role: role.update(active=False))
    assert JOHN not in _entries(cms)


def test_a_role_whose_time_is_over_is_not_active(cms: Path) -> None:
    _changed(cms, "PractitionerRole", 2, lambda role: role.update(period={"end": "2026-09-28"}))
    assert JOHN not in _entries(cms)
    _changed(cms, "PractitionerRole", 2, lambda role: role.update(period={"end": "2026-09"}))
    assert JOHN in _entries(cms)


def test_a_revoked_qualification_does_not_count(cms: Path) -> None:
    status = {"url": "q", "extension": [{"url": "status", "valueCode": "revoked"}]}
    _changed(cms, "Practitioner", 1, lambda one: one["qualification"][0].update(extension=[status]))
    assert MARIA not in _entries(cms)


def test_a_practitioner_who_is_no_longer_active_ended_on_the_day_of_the_last_change() -> None:
    gone = _entries(FIXTURE / "cms")[PAT]
    assert (gone.ended_on, gone.statements) == ("2026-09-29", ())


def test_without_a_date_nobody_knows_when_it_ended(cms: Path) -> None:
    _changed(cms, "Practitioner", 4, lambda one: one.pop("meta"))
    assert [(one.line, one.key, one.column, one.code) for one in _rejected(cms)] == [
        (4, f"Practitioner-{PAT}", "Practitioner.active", "inactive-undated")
    ]


def test_the_order_of_the_files_lines_does_not_matter(cms: Path) -> None:
    before = {key: entry.statements for key, entry in _entries(cms).items()}
    for path in cms.glob("*.ndjson"):
        path.write_text("".join(reversed(path.read_text().splitlines(keepends=True))))
    assert {key: entry.statements for key, entry in _entries(cms).items()} == before


@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress], ids=["gz", "zst"])
def test_packed_files_give_the_same_entries(cms: Path, pack: Callable[[bytes], bytes]) -> None:
    plain = {key: entry.statements for key, entry in _entries(cms).items()}
    ending = ".gz" if pack is gzip.compress else ".zst"
    for path in list(cms.glob("*.ndjson")):
        path.with_name(path.name + ending).write_bytes(pack(path.read_bytes()))
        path.unlink()
    assert {key: entry.statements for key, entry in _entries(cms).items()} == plain


def test_one_file_may_hold_resources_of_every_type(cms: Path, tmp_path: Path) -> None:
    apart = {key: entry.statements for key, entry in _entries(cms).items()}
    one = tmp_path / "all.ndjson"
    one.write_bytes(b"\xef\xbb\xbf" + b"\r\n\n".join(path.read_bytes() for path in sorted(cms.glob("*.ndjson"))))
    assert {key: entry.statements for key, entry in _entries(one).items()} == apart


def test_a_page_may_repeat_what_another_one_has(tmp_path: Path) -> None:
    for name in ("page-1.json", "page-2.json"):
        shutil.copy(FIXTURE / "bundle.json", tmp_path / name)
    found = _read(tmp_path)
    assert [type(one) for one in found] == [Entry, Entry]


def test_slashes_may_be_written_with_a_backslash(cms: Path) -> None:
    before = {key: entry.statements for key, entry in _entries(cms).items()}
    for path in cms.glob("*.ndjson"):
        path.write_text(path.read_text().replace("/", "\\/").replace('"id":', '"id" : '))
    assert {key: entry.statements for key, entry in _entries(cms).items()} == before


def test_references_may_be_the_uuids_of_a_bundle(tmp_path: Path) -> None:
    body = json.loads((FIXTURE / "bundle.json").read_text(encoding="utf-8"))
    text = json.dumps(body)
    for kind, name in (("Practitioner", "p1"), ("Organization", "o1"), ("Location", "l1"), ("Location", "l2")):
        text = text.replace(f"https://fhir.example.org/{kind}/{name}", f"urn:uuid:{name}-0")
        text = text.replace(f'"{kind}/{name}"', f'"urn:uuid:{name}-0"')
    (tmp_path / "bundle.json").write_text(text)
    before, after = (_entries(one)[MARIA].statements for one in (FIXTURE / "bundle.json", tmp_path / "bundle.json"))
    assert after == before


def test_what_a_role_refers_to_and_nobody_gives_is_a_warning(cms: Path) -> None:
    next(cms.glob("*-Location.ndjson")).unlink()
    doctor = _entries(cms)[MARIA]
    assert not _values(doctor, "street")
    assert [(one.line, one.key, one.column, one.value, one.code) for one in doctor.warnings] == [
        (1, "PractitionerRole-0001", "PractitionerRole.location", "Location-a", "missing-reference")
    ]


def test_a_role_without_its_practitioner_is_rejected(cms: Path) -> None:
    _changed(cms, "Practitioner", 2, lambda one: one.update(id="someone-else"))
    [rejected] = _rejected(cms)
    assert (rejected.line, rejected.key, rejected.code) == (2, "PractitionerRole-0002", "missing-reference")


@pytest.mark.parametrize(
    ("resource", "change", "column", "code"),
    [
        ("p1", lambda one: one["identifier"][0].update(value="2900001010"), "Practitioner.identifier.value", "bad-npi"),
        ("p1", lambda one: one.pop("identifier"), "Practitioner.identifier", "no-npi"),
        (
            "p1",
            lambda one: one["identifier"].append({"system": CMS_NPI, "value": JOHN}),
            "Practitioner.identifier",
            "several-npis",
        ),
        ("p1", lambda one: one.update(name=[{"text": "Only Text"}]), "Practitioner.name.family", "missing"),
        ("p1", lambda one: one.update(name={"family": "X"}), "Practitioner.name", "malformed"),
        ("p1", lambda one: one["name"][1].update(family=5), "Practitioner.name.family", "malformed"),
        ("p1", lambda one: one["name"][1].update(family="A\x00B"), "Practitioner.name.family", "bad-text"),
        ("p1", lambda one: one["name"][1].update(given=["\ud800"]), "Practitioner.name.given", "bad-text"),
        ("p1", lambda one: one.update(active="yes"), "Practitioner.active", "malformed"),
        ("p1", lambda one: one.update(qualification=["x"]), "Practitioner.qualification", "malformed"),
        ("p1", lambda one: one.update(meta=[]), "Practitioner.meta", "malformed"),
        ("r1", lambda one: one.pop("practitioner"), "PractitionerRole.practitioner", "missing-reference"),
        (
            "r1",
            lambda one: one.update(practitioner={"reference": "nobody"}),
            "PractitionerRole.practitioner.reference",
            "bad-reference",
        ),
        ("l1", lambda one: one.update(status="open"), "Location.status", "bad-status"),
        ("l1", lambda one: one["position"].update(latitude="39"), "Location.position.latitude", "malformed"),
        ("o1", lambda one: one.pop("identifier"), "Organization.identifier", "no-identifier"),
        ("o1", lambda one: one.pop("name"), "Organization.name", "missing"),
    ],
)
def test_a_bad_resource_is_rejected_by_file_line_id_and_path(
    bundle: Callable[[Change], Path], resource: str, change: Change, column: str, code: str
) -> None:
    path = bundle(lambda by_id: change(by_id[resource]))
    rejected = next(one for one in _rejected(path) if one.key == resource)
    assert (rejected.column, rejected.code) == (column, code)
    assert rejected.reason.startswith("bundle.json: ")
    line = path.read_text(encoding="utf-8").splitlines()[rejected.line - 1]
    assert f'"id": "{resource}"' in line
    assert len(_read(path)) >= 2


@pytest.mark.parametrize(
    ("resource", "change", "owner", "code"),
    [
        ("l1", lambda one: one["address"].update(state="Illinois"), MARIA, "bad-state"),
        ("l1", lambda one: one["address"].update(postalCode="6270"), MARIA, "bad-zip"),
        ("l1", lambda one: one["address"].update(country="CA"), MARIA, "foreign"),
        ("l1", lambda one: one["telecom"][0].update(value="555"), MARIA, "bad-phone"),
        ("l1", lambda one: one["telecom"][0].pop("system"), MARIA, "no-system"),
        ("l1", lambda one: one["position"].pop("longitude"), MARIA, "bad-position"),
        ("l1", lambda one: one["position"].update(latitude=91), MARIA, "bad-position"),
        ("p1", lambda one: one.update(meta={"lastUpdated": "10/01/2026"}), MARIA, "bad-date"),
        ("o1", lambda one: one["telecom"][1].update(value="javascript:alert(1)"), "org:o1", "bad-url"),
        ("o1", lambda one: one["identifier"][1].update(value="12345"), "org:o1", "bad-ccn"),
    ],
)
def test_a_bad_value_is_left_out_with_a_warning(
    bundle: Callable[[Change], Path], resource: str, change: Change, owner: str, code: str
) -> None:
    entry = _entries(bundle(lambda by_id: change(by_id[resource])))[owner]
    assert [(one.key, one.code) for one in entry.warnings] == [(resource, code)]


@pytest.mark.parametrize("number", ["123-45-6789", "123456789", "123 45 6789"])
def test_what_looks_like_a_social_security_number_is_never_repeated(cms: Path, number: str) -> None:
    _changed(cms, "Practitioner", 1, lambda one: one["identifier"].append({"system": "x", "value": f"SSN {number}"}))
    found = _entries(cms)
    assert [one.code for one in found[MARIA].warnings] == ["ssn-like"]
    _changed(cms, "Organization", 3, lambda one: one.update(id=f"Organization-{number}"))
    _changed(cms, "Practitioner", 2, lambda one: one["identifier"][0].update(value=number))
    leaked = [{"reference": f"Location/Location-{number.replace(' ', '-')}"}]
    _changed(cms, "PractitionerRole", 1, lambda one: one.update(location=leaked, id=f"PractitionerRole-{number}"))
    _changed(cms, "PractitionerRole", 2, lambda one: one.update(location=leaked))
    _changed(cms, "Practitioner", 3, lambda one: one["qualification"].append(json.loads(QUALIFIED)))
    _changed(cms, "PractitionerRole", 5, lambda one: one.update(active=True, location=leaked))
    everything = repr(_read(cms))
    assert number not in everything
    assert number.replace(" ", "-") not in everything
    assert {one.code for one in _rejected(cms)} >= {"ssn-like"}
    assert JOHN not in _entries(cms)


def test_an_npi_is_no_social_security_number_and_a_plain_number_may_be_an_id(
    bundle: Callable[[Change], Path],
) -> None:
    path = bundle(lambda by_id: by_id["l2"].update(id="123456789"))
    path.write_text(path.read_text().replace("Location/l2", "Location/123456789"))
    assert _values(_entries(path)[MARIA], "other_location")


def test_lines_that_cannot_be_read_are_reported_once_and_stop_nothing(cms: Path) -> None:
    path = next(cms.glob("*-Practitioner.ndjson"))
    lines = path.read_bytes().splitlines()
    broken = lines[1].replace(b'"active"', b'"active')
    path.write_bytes(
        b"\n".join([lines[0], b"nonsense", broken, b'{"a":' * 100_000 + b"2080P0207X}", lines[2], lines[3][:-9]])
    )
    found = _rejected(cms)
    unreadable = [(one.line, one.code) for one in found if one.code == "unreadable"]
    assert unreadable == [(2, "unreadable"), (4, "unreadable"), (6, "unreadable"), (3, "unreadable")]
    assert MARIA in _entries(cms)


def test_two_resources_of_one_id_or_one_npi_are_taken_once(cms: Path) -> None:
    path = next(cms.glob("*-Practitioner.ndjson"))
    first = path.read_text().splitlines()[0]
    path.write_text(
        path.read_text() + first.replace("MARIA", "MARY") + "\n" + first.replace("Practitioner-29", "x-") + "\n"
    )
    duplicates = [(one.line, one.column) for one in _rejected(cms) if one.code == "duplicate"]
    assert duplicates == [(5, "Practitioner.id"), (6, "identifier.value")]
    assert _values(_entries(cms)[MARIA], "given") == ["Maria"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", b"", "is not JSON"),
        ("a.json", b'{"resourceType": "Bundle"', "is not JSON"),
        ("a.json", b'{"resourceType": "Bundle", "entry": {}}', "its entry is not a list"),
        ("a.json", b'{"resourceType": "Bundle", "entry": []}', "holds no FHIR resource"),
        ("a.json", b'{"name": "x"}', "has no resourceType"),
        ("a.json", b"[1, 2]", "has no resourceType"),
        ("a.json", b'{"resourceType": "OperationOutcome"}', "holds the error of a server"),
        ("a.json", b"\xff\xfe", "is not JSON"),
        ("a.json", b'{"resourceType": "Patient", "id": "x"}', "holds no Practitioner and no Organization"),
        ("a.ndjson", b"npi,name\n1,2\n", "is not NDJSON"),
        ("a.ndjson", b"", "holds no FHIR resource"),
        ("a.ndjson.gz", gzip.compress(LOCATIONS, mtime=0)[:-20], "cannot be read"),
        ("a.ndjson.zst", zstd.compress(LOCATIONS)[:-20], "cannot be read"),
        ("a.ndjson.gz", b"\x1f\x8bnonsense", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used_stops_before_the_first_row(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=message) as caught:
        fhir.read(tmp_path / name, lambda _bytes: None)
    assert str(caught.value).startswith(name)


def test_a_packed_file_that_breaks_off_far_behind_stops_before_the_first_row(cms: Path) -> None:
    path = next(cms.glob("*-Location.ndjson"))
    rows = path.read_bytes() + b"".join(
        b'{"resourceType":"Location","id":"%x"}\n' % (number * 2654435761 % 2**32) for number in range(50_000)
    )
    path.with_name(path.name + ".zst").write_bytes(zstd.compress(rows)[:-1000])
    path.unlink()
    with pytest.raises(SourceError, match=r"Location\.ndjson\.zst cannot be read"):
        fhir.read(cms, lambda _bytes: None)


def test_a_folder_without_a_usable_file_stops(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no FHIR resource"):
        fhir.identify(tmp_path)
    with pytest.raises(SourceError, match="is not there"):
        fhir.identify(tmp_path / "nowhere")


def test_half_a_download_is_not_taken_for_the_list(cms: Path) -> None:
    (cms / "06-Practitioner.ndjson.zst.part").write_bytes(b"")
    with pytest.raises(SourceError, match="half of a download"):
        fhir.identify(cms)


def test_the_first_page_alone_is_not_taken_for_the_list(tmp_path: Path) -> None:
    page = json.loads((FIXTURE / "bundle.json").read_text(encoding="utf-8"))
    page["link"].append({"relation": "next", "url": "https://fhir.example.org/PractitionerRole?page=2"})
    (tmp_path / "page-1.json").write_text(json.dumps(page))
    with pytest.raises(SourceError, match="lacks the last page"):
        fhir.identify(tmp_path)
    shutil.copy(FIXTURE / "bundle.json", tmp_path / "page-2.json")
    assert MARIA in _entries(tmp_path)


def test_a_bundle_over_the_limit_is_sent_to_ndjson(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fhir_files, "BUNDLE_LIMIT", 1024**2)
    path = tmp_path / "large.json.gz"
    path.write_bytes(gzip.compress(b'{"resourceType": "Bundle",\n' + b" " * 1024**2 + b'"entry": []}'))
    with pytest.raises(SourceError, match=r"larger than 1 MB, too large for a Bundle\. Use NDJSON"):
        fhir.identify(path)


def test_a_delivery_says_what_it_holds_and_when_it_was_made(cms: Path) -> None:
    delivery = fhir.identify(cms)
    assert (delivery.kind, delivery.released_on) == ("full", "2026-09-29")
    assert delivery.title == "FHIR directory: Location, Organization, Practitioner, PractitionerRole in 4 files"
    (cms / "manifest.json").write_text("not JSON")
    assert fhir.identify(cms).released_on == ""


def test_the_progress_grows_to_the_size_of_the_files(cms: Path) -> None:
    told: list[int] = []
    list(fhir.read(cms, told.append))
    assert told == sorted(told)
    assert told[-1] == sum(path.stat().st_size for path in cms.glob("*.ndjson"))


def test_memory_follows_what_is_wanted_and_not_the_file(cms: Path) -> None:
    path = next(cms.glob("*-Location.ndjson"))
    line = path.read_text().splitlines()[2]
    with path.open("a") as file:
        file.writelines(line.replace("Location-c", f"Location-x{number}") + "\n" for number in range(30_000))
    assert path.stat().st_size > 8_000_000
    tracemalloc.start()
    try:
        found = _entries(cms)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(found) == 5
    assert peak < 3_000_000


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from _paths(inner, (*path, key))


BUNDLE = json.loads((FIXTURE / "bundle.json").read_text(encoding="utf-8"))
PATHS = [path for path in _paths(BUNDLE) if path[0] == "entry" and len(path) > 2 and path[2] == "resource"]
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=150, deadline=None)
@given(path=st.sampled_from(PATHS), junk=JUNK)
def test_whatever_stands_in_one_element_the_reading_goes_on(
    tmp_path_factory: pytest.TempPathFactory, path: tuple[str | int, ...], junk: object
) -> None:
    body = json.loads(json.dumps(BUNDLE))
    place = body
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = junk
    file = tmp_path_factory.mktemp("junk") / "bundle.json"
    file.write_text(json.dumps(body), encoding="utf-8")
    for one in _read(file):
        repr(one).encode("utf-8")


needs_samples = pytest.mark.skipif(not SHARED.exists(), reason="the real samples are not here")


@needs_samples
def test_the_real_page_of_the_cms_directory_is_read_when_it_is_the_last(tmp_path: Path) -> None:
    page = json.loads((SHARED / "samples" / "fhir_organizations.json").read_text(encoding="utf-8"))
    (tmp_path / "page.json").write_text(json.dumps(page))
    with pytest.raises(SourceError, match="lacks the last page"):
        fhir.identify(tmp_path / "page.json")
    (tmp_path / "page.json").write_text(json.dumps(page | {"next": None}))
    assert fhir.identify(tmp_path / "page.json").title == "FHIR directory: Organization in 1 file"
    assert _read(tmp_path / "page.json") == []  # none has a CCN or a doctor


@needs_samples
def test_the_real_practitioner_is_read_with_a_qualification_and_without(tmp_path: Path) -> None:
    path = SHARED / "samples" / "fhir_practitioner.json"
    assert _read(path) == []
    one = json.loads(path.read_text(encoding="utf-8"))
    one["qualification"] = [{"code": {"coding": [{"code": "207RH0003X"}]}}]
    (tmp_path / "one.json").write_text(json.dumps(one))
    [entry] = _entries(tmp_path / "one.json").values()
    assert entry.key == one["identifier"][0]["value"]
    assert not _values(entry, "street")  # nothing tells whether an address is a workplace
