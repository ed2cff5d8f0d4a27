"""Importing by the command line what is fetched from a server, file after file."""

import json
import shutil

import pytest

from finder import cli
from finder.sources import fetching
from finder.sources.fetching import Address
from tests.loopback import Answer, Loopback
from tests.synthetic.nppes import Options, make, write_report

MONTH = "NPPES_Data_Dissemination_August_2026_V2.zip"
FIRST_WEEK = "NPPES_Data_Dissemination_081026_081626_Weekly_V2.zip"
SECOND_WEEK = "NPPES_Data_Dissemination_081726_082326_Weekly_V2.zip"
REPORT = "NPPES_Deactivated_NPI_Report_082426_V2.zip"


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A month, the two weeks after it and a report, as bytes by their names; nobody in them is real."""
    folder = tmp_path_factory.mktemp("nppes")
    registry = {"n": 400, "oncology_share": 0.2, "dirty_share": 0.0}
    dark = make(folder / MONTH, Options(**registry)).dark
    for name, day in ((FIRST_WEEK, "2026-08-16"), (SECOND_WEEK, "2026-08-23")):
        week = make(folder / name, Options(**registry, as_of=day, weekly=True, weekly_share=0.05))
        dark = {npi: ended for npi, ended in dark.items() if npi not in week.weekly.get("reactivated", ())} | week.dark
    title = ["NPPES Deactivated Records as of 08/24/2026"]
    write_report(folder / REPORT, [title, ["NPI", "NPPES Deactivation Date"], *map(list, sorted(dark.items()))])
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def server(monkeypatch):
    """The server to which the program goes in place of the official one."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    with Loopback() as loopback:
        address = Address(f"{loopback.url}/nppes/NPI_Files.html", "the files")
        monkeypatch.setitem(fetching.ADDRESSES, "nppes", (address,))
        yield loopback


def publish(server, files):
    links = "".join(f"<a href='./{name}'>{name}</a>\n" for name in files)
    server.answers["/nppes/NPI_Files.html"] = Answer(links.encode())
    server.answers |= {f"/nppes/{name}": Answer(body) for name, body in files.items()}


@pytest.fixture
def finder(settings, tmp_path, monkeypatch, capsys):
    """Run a command over a copy of the shipped directory; return its exit code, its output and its words."""
    folder = tmp_path / "instance"
    folder.mkdir()
    for file in settings.instance.iterdir():
        if file.is_file():
            shutil.copyfile(file, folder / file.name)
    monkeypatch.setenv("FINDER_INSTANCE", str(folder))
    monkeypatch.delenv("FINDER_DATABASE_URL", raising=False)

    def finder(*arguments):
        code = cli.main([str(one) for one in arguments])
        told = capsys.readouterr()
        return code, told.out, told.err

    return finder


def runs(output):
    return [json.loads(line) for line in output.splitlines()]


def fetched(server):
    return [path.removeprefix("/nppes/") for path, _ in server.requests if path.endswith(".zip")]


def test_one_command_brings_a_directory_from_nothing_to_the_newest_report(finder, server, published):
    publish(server, published)

    code, output, _ = finder("import", "nppes", "--fetch", "--apply", "--json")

    assert code == 0
    assert fetched(server) == [MONTH, FIRST_WEEK, SECOND_WEEK, REPORT]
    assert [run["status"] for run in runs(output)] == ["applied"] * 4
    assert runs(output)[0]["counts"]["new"] > 20
    assert runs(output)[1]["counts"]["changed"] > 0
    assert finder("import", "nppes", "--fetch", "--apply", "--json") == (0, "", "There is nothing more to fetch.\n")


def test_without_apply_the_next_file_is_planned_and_no_other(finder, server, published):
    publish(server, published)

    code, output, _ = finder("import", "nppes", "--fetch", "--json")

    assert (code, [run["status"] for run in runs(output)]) == (0, ["planned"])
    finder("apply", runs(output)[0]["run"])
    finder("import", "nppes", "--fetch")
    assert fetched(server) == [MONTH, FIRST_WEEK]


def test_one_kind_of_file_can_be_asked_for(finder, server, published):
    publish(server, published)
    finder("import", "nppes", "--fetch", "monthly", "--apply")

    finder("import", "nppes", "--fetch", "weekly", "--apply")
    finder("import", "nppes", "--fetch", "deactivations", "--apply")

    assert fetched(server) == [MONTH, FIRST_WEEK, SECOND_WEEK, REPORT]


def test_what_a_guard_has_stopped_is_fetched_again_only_where_it_is_asked_for(finder, server, published):
    del (files := dict(published))[FIRST_WEEK]
    publish(server, files)

    code, output, _ = finder("import", "nppes", "--fetch", "--apply")
    assert code == 3
    assert "There is a gap: the directory is as of 2026-08-09, this file begins on 2026-08-17." in output
    assert fetched(server) == [MONTH, SECOND_WEEK]
    finder("import", "nppes", "--fetch", "--apply")
    assert fetched(server) == [MONTH, SECOND_WEEK, REPORT]

    publish(server, published)
    assert finder("import", "nppes", "--fetch", "weekly", "--apply")[0] == 0
    assert fetched(server)[3:] == [FIRST_WEEK, SECOND_WEEK]


def test_a_run_that_was_undone_is_fetched_again(finder, server, published):
    publish(server, published)
    _, output, _ = finder("import", "nppes", "--fetch", "monthly", "--apply", "--json")
    finder("undo", runs(output)[0]["run"])

    finder("import", "nppes", "--fetch", "monthly")

    assert fetched(server) == [MONTH, MONTH]


def test_other_lists_have_no_kinds_of_files(finder):
    code, _, words = finder("import", "trials", "--fetch", "weekly")

    assert code == 1
    assert words.endswith("The list trials has no weekly files. Say --fetch alone.\n")


def test_a_server_that_fails_in_the_middle_leaves_what_was_made_live(finder, server, published):
    publish(server, published)
    server.answers[f"/nppes/{SECOND_WEEK}"] = Answer(status=404)

    code, output, words = finder("import", "nppes", "--fetch", "--apply", "--json")

    assert code == 4
    assert [run["status"] for run in runs(output)] == ["applied", "applied"]
    assert "answered 404" in words
    server.answers[f"/nppes/{SECOND_WEEK}"] = Answer(published[SECOND_WEEK])
    assert len(runs(finder("import", "nppes", "--fetch", "--apply", "--json")[1])) == 2


def test_the_command_says_how_to_go_on_where_a_guard_has_stopped(finder, tmp_path):
    path = tmp_path / "my hospitals.csv"
    header = "Facility ID,Facility Name,Address,City/Town,State,ZIP Code,County/Parish,Telephone Number,Hospital Type"
    path.write_text(header + "\n" + "12,HOSPITAL,1 MAIN STREET,BOSTON,MA,02115,,,Acute Care Hospitals\n" * 15)

    code, output, _ = finder("import", "facilities", path)

    assert code == 3
    assert f"  To go on all the same: finder import facilities '{path}' --force\n" in output
