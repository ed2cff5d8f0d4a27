import hashlib
import json
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from finder.errors import FetchError, NotFound
from finder.sources.fetching import ADDRESSES, Opening, fetch, fetch_source
from finder.sources.nppes_releases import Need
from tests.loopback import Answer, Loopback

BODY = bytes(range(256)) * 40
CHECKSUM = hashlib.sha256(BODY).hexdigest()
QUICK = Opening(pause=0, wait=5)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    with Loopback() as loopback:
        yield loopback


def _names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def test_a_file_is_there_under_its_name_when_it_is_complete(server: Loopback, tmp_path: Path) -> None:
    server.answers["/a/list.csv"] = Answer(BODY)
    told: list[int] = []
    path = fetch(f"{server.url}/a/list.csv", tmp_path / "new", checksum=CHECKSUM, progress=told.append)
    assert (path, path.read_bytes()) == (tmp_path / "new" / "list.csv", BODY)
    assert _names(tmp_path / "new") == ["list.csv"]
    assert told[-1] == len(BODY)


def test_what_breaks_off_goes_on_where_it_stopped(server: Loopback, tmp_path: Path) -> None:
    server.answers["/list.csv"] = Answer(BODY, breaks=[4000, 3000])
    said: list[str] = []
    path = fetch(f"{server.url}/list.csv", tmp_path, say=said.append, opening=QUICK)
    assert path.read_bytes() == BODY
    assert server.ranges() == ["", "bytes=4000-", "bytes=7000-"]
    assert said == ["list.csv: the connection broke off; trying again."] * 2


def test_a_server_that_ignores_ranges_makes_it_start_again(server: Loopback, tmp_path: Path) -> None:
    server.answers["/list.csv"] = Answer(BODY, breaks=[4000], ranges=False)
    assert fetch(f"{server.url}/list.csv", tmp_path, opening=QUICK).read_bytes() == BODY
    assert server.ranges() == ["", "bytes=4000-"]


def test_a_connection_that_always_breaks_is_given_up_and_the_next_run_goes_on(server: Loopback, tmp_path: Path) -> None:
    server.answers["/list.csv"] = Answer(BODY, breaks=[1000] * 4)
    with pytest.raises(FetchError, match=r"list\.csv could not be fetched from .*broke off, 4 times"):
        fetch(f"{server.url}/list.csv", tmp_path, opening=QUICK)
    assert _names(tmp_path) == ["list.csv.part", "list.csv.part.version"]
    assert fetch(f"{server.url}/list.csv", tmp_path, opening=QUICK).read_bytes() == BODY
    assert server.ranges()[-1] == "bytes=4000-"
    assert _names(tmp_path) == ["list.csv"]


def test_two_versions_of_a_file_are_never_put_together(server: Loopback, tmp_path: Path) -> None:
    server.answers["/list.csv"] = [Answer(b"old" * 1000, breaks=[500]), Answer(BODY, version='"2"')]
    assert fetch(f"{server.url}/list.csv", tmp_path, opening=QUICK).read_bytes() == BODY


def test_a_server_that_sends_another_version_as_the_rest_is_not_believed(server: Loopback, tmp_path: Path) -> None:
    rest = Answer(BODY[500:], 206, {"Content-Range": f"bytes 500-{len(BODY) - 1}/{len(BODY)}"}, version='"2"')
    server.answers["/list.csv"] = [Answer(b"old" * 1000, breaks=[500]), rest, Answer(BODY, version='"2"')]
    assert fetch(f"{server.url}/list.csv", tmp_path, opening=QUICK).read_bytes() == BODY


def test_a_part_of_no_known_version_is_not_continued(server: Loopback, tmp_path: Path) -> None:
    server.answers["/list.csv"] = Answer(BODY, version="")
    (tmp_path / "list.csv.part").write_bytes(b"of long ago")
    assert fetch(f"{server.url}/list.csv", tmp_path, opening=QUICK).read_bytes() == BODY
    assert server.ranges() == [""]


def test_a_part_longer_than_the_file_is_thrown_away(server: Loopback, tmp_path: Path) -> None:
    server.answers["/list.csv"] = Answer(BODY)
    (tmp_path / "list.csv.part").write_bytes(BODY * 2)
    (tmp_path / "list.csv.part.version").write_text('"1"')
    assert fetch(f"{server.url}/list.csv", tmp_path, opening=QUICK).read_bytes() == BODY
    assert len(server.requests) == 2


def test_a_wrong_checksum_leaves_nothing_behind(server: Loopback, tmp_path: Path) -> None:
    server.answers["/list.csv"] = Answer(BODY + b"!")
    with pytest.raises(FetchError, match="SHA-256 differs"):
        fetch(f"{server.url}/list.csv", tmp_path, checksum=CHECKSUM, opening=QUICK)
    assert not (tmp_path / "list.csv").exists()
    assert not (tmp_path / "list.csv.part").exists()


def test_a_file_that_is_there_with_the_right_checksum_is_not_fetched(server: Loopback, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_bytes(BODY)
    fetch(f"{server.url}/list.csv", tmp_path, checksum=CHECKSUM.upper())
    assert server.requests == []


@pytest.mark.parametrize("length", [True, False], ids=["announced", "not announced"])
def test_a_file_over_the_limit_is_refused(server: Loopback, tmp_path: Path, length: bool) -> None:
    server.answers["/list.csv"] = Answer(BODY, length=length)
    with pytest.raises(FetchError, match="larger than the limit of 1000 bytes"):
        fetch(f"{server.url}/list.csv", tmp_path, opening=Opening(limit=1000))
    assert _names(tmp_path) == []


def test_a_file_that_takes_too_long_is_given_up(server: Loopback, tmp_path: Path) -> None:
    server.answers["/list.csv"] = Answer(BODY)
    with pytest.raises(FetchError, match="takes too long"):
        fetch(f"{server.url}/list.csv", tmp_path, opening=Opening(seconds=-1))


def test_a_missing_file_is_not_asked_for_twice(server: Loopback, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"answered 404\. Look for the new address of list\.csv"):
        fetch(f"{server.url}/list.csv", tmp_path, opening=QUICK)
    assert len(server.requests) == 1


def test_a_server_in_trouble_is_asked_again(server: Loopback, tmp_path: Path) -> None:
    server.answers["/list.csv"] = [Answer(status=500), Answer(status=503), Answer(BODY)]
    assert fetch(f"{server.url}/list.csv", tmp_path, opening=QUICK).read_bytes() == BODY
    server.answers["/other.csv"] = Answer(status=500)
    with pytest.raises(FetchError, match="answered 500, 4 times"):
        fetch(f"{server.url}/other.csv", tmp_path, opening=QUICK)


def test_a_redirect_is_followed_to_the_same_host_only(server: Loopback, tmp_path: Path) -> None:
    server.answers["/list.csv"] = Answer(status=302, headers={"Location": "/there/x"})
    server.answers["/there/x"] = Answer(BODY)
    assert fetch(f"{server.url}/list.csv", tmp_path, opening=QUICK).name == "list.csv"
    other = server.url.replace("127.0.0.1", "localhost")
    server.answers["/list.csv"] = Answer(status=302, headers={"Location": f"{other}/there/x"})
    with pytest.raises(FetchError, match="leads to another host, localhost"):
        fetch(f"{server.url}/list.csv", tmp_path, opening=QUICK)
    allowed = Opening(hosts=("localhost",))
    assert fetch(f"{server.url}/list.csv", tmp_path, opening=allowed).read_bytes() == BODY


def test_a_circle_of_redirects_ends(server: Loopback, tmp_path: Path) -> None:
    server.answers["/list.csv"] = Answer(status=301, headers={"Location": "/list.csv"})
    with pytest.raises(FetchError, match="without end"):
        fetch(f"{server.url}/list.csv", tmp_path, opening=QUICK)


@pytest.mark.parametrize("url", ["http://example.org/list.csv", "file:///etc/passwd", "ftp://127.0.0.1/list.csv"])
def test_an_address_that_is_not_https_is_not_opened(tmp_path: Path, url: str) -> None:
    with pytest.raises(FetchError, match="not an address of https"):
        fetch(url, tmp_path, name="list.csv", opening=QUICK)


@pytest.mark.parametrize("ending", ["", "..", "%2e%2e%2fx", "a%2fb", "a%5Cb", ".hidden", "a%00b"])
def test_a_name_that_leads_elsewhere_is_refused(server: Loopback, tmp_path: Path, ending: str) -> None:
    with pytest.raises(FetchError, match="is not the name of a file"):
        fetch(f"{server.url}/x/{ending}", tmp_path)
    assert server.requests == []


def test_a_packed_answer_that_nobody_asked_for_is_refused(server: Loopback, tmp_path: Path) -> None:
    server.answers["/list.csv"] = Answer(BODY, headers={"Content-Encoding": "gzip"})
    with pytest.raises(FetchError, match="packed"):
        fetch(f"{server.url}/list.csv", tmp_path, opening=QUICK)


def test_without_a_network_it_says_what_to_bring_and_from_where(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def unknown(*_args: object, **_kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    for variable in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(FetchError) as caught:
        fetch("https://download.cms.gov/nppes/list.zip", tmp_path, opening=Opening(pause=60))
    assert str(caught.value) == (
        "There is no network to download.cms.gov. Fetch list.zip from https://download.cms.gov/nppes/list.zip "
        "on another machine and import that file."
    )
    with pytest.raises(
        FetchError, match=r"the newest NPPES_Data_Dissemination_<Month>_<Year>_V2\.zip, then .* from https://dow"
    ):
        fetch_source("nppes", tmp_path)


def test_a_refused_connection_counts_as_no_network(server: Loopback, tmp_path: Path) -> None:
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(FetchError, match="There is no network to 127"):
            fetch(f"http://127.0.0.1:{taken.getsockname()[1]}/list.csv", tmp_path, opening=Opening(pause=60))


INDEX = """
<a href='./NPPES_Data_Dissemination_December_2025_V2.zip'>old</a>
<a href='./NPPES_Data_Dissemination_October_2026_V2.zip'>new</a>
<a href="./NPPES_Data_Dissemination_September_2026_V2.zip">old</a>
<a href='./NPPES_Data_Dissemination_November_2026.zip'>version 1</a>
<a href='./NPPES_Data_Dissemination_110226_110826_Weekly_V2.zip'>weekly</a>
<a href='./NPPES_Deactivated_NPI_Report_110926_V2.zip'>deactivated</a>
"""


def test_the_newest_month_of_nppes_is_fetched(server: Loopback, tmp_path: Path) -> None:
    server.answers["/nppes/NPI_Files.html"] = Answer(INDEX.encode())
    server.answers["/nppes/NPPES_Data_Dissemination_October_2026_V2.zip"] = Answer(BODY)
    path = fetch_source("nppes", tmp_path, base=server.url, opening=QUICK)
    assert path == tmp_path / "NPPES_Data_Dissemination_October_2026_V2.zip"
    assert path.read_bytes() == BODY


def _index(server: Loopback, page: str = INDEX) -> None:
    server.answers["/nppes/NPI_Files.html"] = Answer(page.encode())
    for _, name in re.findall(r"href=(['\"])\./(.+?)\1", page):
        server.answers[f"/nppes/{name}"] = Answer(name.encode())


WEEKS = """
<a href='./NPPES_Data_Dissemination_110926_111526_Weekly_V2.zip'>weekly</a>
<a href='./NPPES_Data_Dissemination_102626_110126_Weekly_V2.zip'>weekly</a>
"""
MONTH = ("full", "2026-10-11")


@pytest.mark.parametrize(
    ("held", "kind", "names"),
    [
        ([], "", ["October_2026", "102626_110126", "110226_110826", "Report_110926", "110926_111526"]),
        ([], "monthly", ["October_2026"]),
        ([MONTH], "monthly", []),
        ([("full", "2026-09-13"), ("update", "2026-11-09")], "", ["October_2026", "Report_110926", "110926_111526"]),
        ([MONTH], "", ["102626_110126", "110226_110826", "Report_110926", "110926_111526"]),
        ([MONTH], "weekly", ["102626_110126", "110226_110826", "110926_111526"]),
        ([MONTH, ("update", "2026-11-08")], "", ["Report_110926", "110926_111526"]),
        ([MONTH, ("deactivations", "2026-11-09")], "", ["102626_110126", "110226_110826", "110926_111526"]),
        ([MONTH, ("update", "2026-11-15")], "", []),
        ([MONTH, ("update", "2026-11-15")], "deactivations", []),
        ([MONTH], "deactivations", ["Report_110926"]),
    ],
)
def test_of_nppes_each_file_that_the_directory_lacks_is_fetched_in_its_order(
    server: Loopback, tmp_path: Path, held: list[tuple[str, str]], kind: str, names: list[str]
) -> None:
    _index(server, INDEX + WEEKS)
    fetched: list[str] = []
    while path := fetch_source(
        "nppes", tmp_path, need=Need(kind, held, frozenset(fetched)), base=server.url, opening=QUICK
    ):
        assert path.read_text() == path.name
        fetched.append(path.name)
    assert len(fetched) == len(names)
    assert all(name in one for name, one in zip(names, fetched, strict=True))


def test_a_monthly_file_that_needs_no_second_look_does_not_give_way_to_an_older_one(
    server: Loopback, tmp_path: Path
) -> None:
    _index(server)
    need = Need("monthly", seen=frozenset({"NPPES_Data_Dissemination_October_2026_V2.zip"}))
    assert fetch_source("nppes", tmp_path, need=need, base=server.url, opening=QUICK) is None


@pytest.mark.parametrize("lacking", ["Dissemination_[A-Z]", "Weekly", "Report"])
def test_an_index_that_lacks_a_kind_of_file_is_not_believed(server: Loopback, tmp_path: Path, lacking: str) -> None:
    _index(server, "\n".join(line for line in INDEX.splitlines() if not re.search(lacking, line)))
    with pytest.raises(FetchError, match="does not look as expected"):
        fetch_source("nppes", tmp_path, base=server.url, opening=QUICK)


@pytest.mark.parametrize("page", ["", "<p>We have moved.</p>"])
def test_an_index_without_a_file_says_what_to_fetch_by_hand(server: Loopback, tmp_path: Path, page: str) -> None:
    server.answers["/nppes/NPI_Files.html"] = Answer(page.encode())
    with pytest.raises(FetchError, match=r"does not look as expected.*Fetch the newest NPPES_"):
        fetch_source("nppes", tmp_path, base=server.url, opening=QUICK)


def _offer_dataset(server: Loopback, dataset: str, name: str, body: bytes) -> None:
    description = {"title": "x", "distribution": [{"downloadURL": f"{server.url}/files/{name}"}]}
    path = f"/provider-data/api/1/metastore/schemas/dataset/items/{dataset}"
    server.answers[path] = Answer(json.dumps(description).encode())
    server.answers[f"/files/{name}"] = Answer(body)


def test_a_dataset_of_the_catalog_is_fetched_by_its_description(server: Loopback, tmp_path: Path) -> None:
    _offer_dataset(server, "xubh-q36u", "Hospital_General_Information.csv", BODY)
    path = fetch_source("facilities", tmp_path, base=server.url, opening=QUICK)
    assert path == tmp_path / "Hospital_General_Information.csv"


def test_several_files_come_into_a_folder_that_replaces_the_last_one(server: Loopback, tmp_path: Path) -> None:
    _offer_dataset(server, "mj5m-pzi6", "DAC_NationalDownloadableFile.csv", b"one")
    _offer_dataset(server, "27ea-46a8", "Facility_Affiliation.csv", b"two")
    (tmp_path / "clinicians").mkdir()
    (tmp_path / "clinicians" / "of_last_month.csv").write_bytes(b"old")
    path = fetch_source("clinicians", tmp_path, base=server.url, opening=QUICK)
    assert (path, _names(path)) == (
        tmp_path / "clinicians",
        ["DAC_NationalDownloadableFile.csv", "Facility_Affiliation.csv"],
    )
    assert _names(tmp_path) == ["clinicians"]


def test_a_failure_leaves_the_last_folder_as_it_was(server: Loopback, tmp_path: Path) -> None:
    _offer_dataset(server, "mj5m-pzi6", "DAC.csv", b"one")
    _offer_dataset(server, "27ea-46a8", "Facility_Affiliation.csv", b"two")
    server.answers["/files/Facility_Affiliation.csv"] = Answer(status=404)
    (tmp_path / "clinicians").mkdir()
    (tmp_path / "clinicians" / "DAC.csv").write_bytes(b"old")
    with pytest.raises(FetchError, match="404"):
        fetch_source("clinicians", tmp_path, base=server.url, opening=QUICK)
    assert (tmp_path / "clinicians" / "DAC.csv").read_bytes() == b"old"


@pytest.mark.parametrize("text", ["{}", "[]", "not JSON", '{"distribution": [{"downloadURL": 5}]}', "null"])
def test_a_description_of_another_shape_is_an_error(server: Loopback, tmp_path: Path, text: str) -> None:
    path = "/provider-data/api/1/metastore/schemas/dataset/items/xubh-q36u"
    server.answers[path] = Answer(text.encode())
    with pytest.raises(FetchError, match="does not look as expected"):
        fetch_source("facilities", tmp_path, base=server.url, opening=QUICK)


def test_the_directory_is_fetched_by_the_names_in_its_manifest(server: Loopback, tmp_path: Path) -> None:
    kinds = ("Organization", "Location", "Endpoint", "PractitionerRole", "Practitioner", "OrganizationAffiliation")
    names = [f"{number:02}-{kind}.ndjson" for number, kind in enumerate(kinds, 1)]
    manifest = {"compression_algorithm": "zstd", "generated_at": "2026-09-29", "files": {name: {} for name in names}}
    server.answers["/downloads/manifest.json"] = Answer(json.dumps(manifest).encode())
    store = server.url.replace("127.0.0.1", "localhost")
    for name in names:
        server.answers[f"/downloads/{name}.zst"] = Answer(
            status=302, headers={"Location": f"{store}/store/{name}?signature=x"}
        )
        server.answers[f"/store/{name}"] = Answer(name.encode())
    opening = Opening(pause=0, hosts=("localhost",))
    path = fetch_source("fhir", tmp_path, base=server.url, opening=opening)
    assert _names(path) == [
        "01-Organization.ndjson.zst",
        "02-Location.ndjson.zst",
        "04-PractitionerRole.ndjson.zst",
        "05-Practitioner.ndjson.zst",
    ]


def test_a_manifest_that_lacks_a_file_is_an_error(server: Loopback, tmp_path: Path) -> None:
    manifest = {"compression_algorithm": "zstd", "files": {"01-Organization.ndjson": {}}}
    server.answers["/downloads/manifest.json"] = Answer(json.dumps(manifest).encode())
    with pytest.raises(FetchError, match="does not look as expected"):
        fetch_source("fhir", tmp_path, base=server.url, opening=QUICK)


def _pages(server: Loopback, *tokens: str) -> None:
    server.answers["/api/v2/studies"] = [
        Answer(json.dumps({"studies": [], "nextPageToken": token} if token else {"studies": []}).encode())
        for token in tokens
    ]


def test_the_trials_are_fetched_page_by_page_with_the_same_question(server: Loopback, tmp_path: Path) -> None:
    _pages(server, "t1", "t2", "")
    path = fetch_source("trials", tmp_path, base=server.url, opening=QUICK)
    assert _names(path) == ["page-0001.json", "page-0002.json", "page-0003.json"]
    asked = [parse_qs(urlsplit(path).query) for path, _ in server.requests]
    assert [one.pop("pageToken", None) for one in asked] == [None, ["t1"], ["t2"]]
    assert asked[0] == asked[1] == asked[2]
    assert "AREA[ConditionMeshId]D054198" in asked[0]["query.cond"][0]


def test_the_trials_are_asked_for_once_a_second(server: Loopback, tmp_path: Path) -> None:
    _pages(server, "t1", "t2", "")
    began = time.monotonic()
    fetch_source("trials", tmp_path, base=server.url, opening=Opening(pause=0.2))
    assert time.monotonic() - began > 0.4
    assert Opening().pause >= 1


def test_pages_of_the_last_time_do_not_stay_among_the_new_ones(server: Loopback, tmp_path: Path) -> None:
    for folder in ("trials", "trials.part", "trials.old"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "page-0009.json").write_text("{}")
    _pages(server, "")
    assert _names(fetch_source("trials", tmp_path, base=server.url, opening=QUICK)) == ["page-0001.json"]
    assert _names(tmp_path) == ["trials"]


@pytest.mark.parametrize("tokens", [["t1", "t1"], ["t1", 5]])
def test_a_page_that_leads_nowhere_ends_the_fetching(server: Loopback, tmp_path: Path, tokens: list[str]) -> None:
    _pages(server, *tokens)
    with pytest.raises(FetchError, match="does not tell the page after it"):
        fetch_source("trials", tmp_path, base=server.url, opening=QUICK)
    assert not (tmp_path / "trials").exists()


def test_only_lists_with_an_official_address_can_be_fetched(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nppes, clinicians, facilities, trials, fhir"):
        fetch_source("centers", tmp_path)
    assert all(address.url.startswith("https://") for one in ADDRESSES.values() for address in one)
