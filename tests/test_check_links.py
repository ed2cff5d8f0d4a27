"""Every address in the data is opened, politely, and what does not open is named with the places where it stands."""

import json
import os
import subprocess
import sys
import time

import pytest

from finder.check_links import Manner, NoNetwork, Outcome, State, addresses, check, report, report_json
from finder.settings import load
from tests.conftest import free_port
from tests.loopback import Answer, Loopback, _Handler

AT_ONCE = Manner(wait=0.6, pause=0)
FINE, MISSING, FAILING, MOVED, LENT, CIRCLE = "/fine", "/missing", "/failing", "/moved", "/lent", "/circle"
SLOW, BROKEN, CLOSED, HEADLESS = "/slow", "/broken", "/closed", "/headless"


class Moody(_Handler):
    """Knows HEAD too, is silent too long at one path, and hangs up without a word at another."""

    def do_HEAD(self):  # noqa: N802 - the library's name
        if self.path == HEADLESS:
            self._note()
            self._head(405, {})
        else:
            self.do_GET()

    def do_GET(self):  # noqa: N802 - the library's name
        if self.path == SLOW:
            time.sleep(1.5)
        if self.path == BROKEN:
            self.close_connection = True
            return
        self._note()
        super().do_GET()

    def _note(self):
        self.server.loopback.commands.append((self.command, self.path, time.monotonic()))


@pytest.fixture
def server():
    with Loopback() as server:
        server._server.RequestHandlerClass = Moody
        server.commands = []
        for path in (FINE, SLOW, HEADLESS):
            server.answers[path] = Answer(b"here")
        server.answers[FAILING] = Answer(b"", 500)
        server.answers[CLOSED] = Answer(b"", 403)
        server.answers[MOVED] = Answer(b"", 301, {"Location": FINE})
        server.answers[LENT] = Answer(b"", 302, {"Location": FINE})
        server.answers[CIRCLE] = Answer(b"", 302, {"Location": CIRCLE})
        yield server


def told(server, *paths):
    return {one.url.removeprefix(server.url): one for one in check([server.url + path for path in paths], AT_ONCE)}


def test_each_kind_of_answer_is_told_apart(server):
    found = told(server, FINE, MISSING, FAILING, MOVED, LENT, CLOSED)

    assert {path: (one.state, one.status) for path, one in found.items()} == {
        FINE: (State.OPENS, 200),
        MISSING: (State.BROKEN, 404),
        FAILING: (State.BROKEN, 500),
        MOVED: (State.MOVED, 200),
        LENT: (State.OPENS, 200),
        CLOSED: (State.REFUSED, 403),
    }
    assert found[MOVED].moved_to == server.url + FINE
    assert found[LENT].moved_to == ""


def test_silence_a_hang_up_and_a_circle_are_told_in_words(server):
    found = told(server, SLOW, BROKEN, CIRCLE)

    assert {path: (one.state, one.status, one.problem) for path, one in found.items()} == {
        SLOW: (State.BROKEN, 0, "no answer in time"),
        BROKEN: (State.BROKEN, 0, "the connection broke"),
        CIRCLE: (State.BROKEN, 0, "it leads in a circle"),
    }


def test_the_head_is_enough_and_where_a_server_gives_none_the_page_is_asked_for(server):
    told(server, FINE, HEADLESS)

    # The first address of a host is opened once more, to see if there is a network.
    assert {command for command, path, _at in server.commands if path == FINE} == {"HEAD"}
    assert [command for command, path, _at in server.commands if path == HEADLESS] == ["HEAD", "GET"]


def test_a_server_that_knows_no_heads_at_all_is_asked_for_the_page():
    with Loopback() as server:
        server.answers[FINE] = Answer(b"here")

        [outcome] = check([server.url + FINE], AT_ONCE)

    assert (outcome.state, outcome.status) == (State.OPENS, 200)


def test_one_host_is_asked_for_one_page_after_the_other_with_a_pause(server):
    for path in ("/a", "/b", "/c"):
        server.answers[path] = Answer(b"here")

    check([server.url + path for path in ("/a", "/b", "/c")], Manner(wait=2, pause=0.2))

    at = [moment for _command, path, moment in server.commands if path != "/a"]
    assert at[1] - at[0] >= 0.2


def test_an_address_that_stands_twice_is_opened_once(server):
    outcomes = check([server.url + FINE, server.url + MISSING, server.url + FINE], AT_ONCE)

    assert [one.status for one in outcomes] == [200, 404]


def test_where_nothing_can_be_reached_no_address_is_called_broken():
    nobody = f"http://127.0.0.1:{free_port()}"

    with pytest.raises(NoNetwork, match=r"There is no network: none of 127\.0\.0\.1:\d+ can be reached"):
        check([f"{nobody}/a", f"{nobody}/b"], AT_ONCE)


def test_one_host_that_is_gone_is_broken_while_others_answer(server):
    gone = f"http://127.0.0.1:{free_port()}/"

    outcomes = check([gone, server.url + FINE], AT_ONCE)

    assert outcomes[0] == Outcome(gone, State.BROKEN, problem="the server cannot be reached", reached=False)
    assert outcomes[1].state is State.OPENS


@pytest.fixture
def data(tmp_path, server):
    """A data folder with addresses in each kind of file."""
    for folder in ("guidance/en", "centers"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "facts.yml").write_text(f'- id: one\n  url: "{server.url}{FINE}"\n')
    (tmp_path / "helplines.yml").write_text(f"- name: A line\n  url: {server.url}{FINE}\n")
    (tmp_path / "guidance" / "glossary.yml").write_text(f'- url: "{server.url}{MOVED}"\n')
    (tmp_path / "guidance" / "en" / "page.md").write_text(
        f"---\nsources:\n  - url: {server.url}{MISSING}\n---\nText.\n"
    )
    (tmp_path / "guidance" / "README.md").write_text(f"Not a fact: {server.url}/notes\n")
    (tmp_path / "centers" / "sources.csv").write_text(
        f'id,url,note\na,{server.url}/by?name=M.D.,"Two\nlines, see {server.url}/note."\nb,,none\n'
    )
    return tmp_path


def test_every_address_is_found_with_the_file_and_line_where_it_stands(data, server):
    assert addresses(data) == {
        f"{server.url}{FINE}": ("facts.yml:2", "helplines.yml:2"),
        f"{server.url}{MISSING}": ("guidance/en/page.md:3",),
        f"{server.url}{MOVED}": ("guidance/glossary.yml:1",),
        f"{server.url}/by?name=M.D.": ("centers/sources.csv:3",),
        f"{server.url}/note": ("centers/sources.csv:3",),
    }


def test_the_shipped_data_names_addresses_in_each_of_its_files():
    places = [place.partition(":")[0] for stands in addresses(load({}).data).values() for place in stands]

    assert {"facts.yml", "helplines.yml", "guidance/glossary.yml", "centers/sources.csv", "centers/facts.csv"} <= set(
        places
    )
    assert "guidance/en/what-is-all.md" in places
    assert not [place for place in places if place.endswith("README.md")]


def test_the_report_names_each_that_does_not_open_and_where_it_stands():
    outcomes = [
        Outcome("https://a.example/", State.OPENS, 200),
        Outcome("https://b.example/", State.BROKEN, 404),
        Outcome("https://c.example/", State.MOVED, 200, "https://d.example/"),
    ]

    words = report(outcomes, {"https://b.example/": ("facts.yml:3", "facts.yml:9"), "https://c.example/": ("x.md:1",)})

    assert words.startswith("1 of 3 addresses open.")
    assert "Broken: mend or take out (1):\n  404  https://b.example/\n      in facts.yml:3, facts.yml:9" in words
    assert "200  https://c.example/\n      now https://d.example/\n      in x.md:1" in words
    assert "by hand" not in words
    assert report_json(outcomes, {})["counts"] == {"opens": 1, "moved": 1, "refused": 0, "broken": 1}


def run(data, *arguments):
    environment = os.environ | {"FINDER_DATA": str(data)}
    command = [sys.executable, "-m", "finder", "check-links", "--pause", "0", "--timeout", "2", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_the_command_says_what_is_broken_and_its_exit_code_too(data, server):
    server.answers["/by"] = server.answers["/note"] = Answer(b"here")

    done = run(data, "--json")

    answer = json.loads(done.stdout)
    assert done.returncode == 2
    assert answer["counts"] == {"opens": 3, "moved": 1, "refused": 0, "broken": 1}
    [broken] = [one for one in answer["addresses"] if one["state"] == "broken"]
    assert (broken["status"], broken["places"]) == (404, ["guidance/en/page.md:3"])

    server.answers[MISSING] = Answer(b"here again")
    mended = run(data)

    assert mended.returncode == 0
    assert mended.stdout.startswith("4 of 5 addresses open.")


def test_without_a_network_the_command_says_so_and_ends_with_six(data):
    (data / "guidance" / "en" / "page.md").unlink()
    (data / "centers" / "sources.csv").unlink()
    (data / "guidance" / "glossary.yml").unlink()
    for name in ("facts.yml", "helplines.yml"):
        (data / name).write_text(f"- url: http://127.0.0.1:{free_port()}/\n")

    done = run(data)

    assert done.returncode == 6
    assert "There is no network" in done.stderr
    assert done.stdout == ""
