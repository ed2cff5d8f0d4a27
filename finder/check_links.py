"""Opens every address that the guidance, the figures, the help lines, the words and the list of centers name.

Polite: a few hosts at once, one address of a host after the other with a pause, only the head of a page where the
server gives one, and never the body.
"""

import csv
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError

from finder.errors import FinderError

_ADDRESS = re.compile(r"https?://[^\s\"'<>|)\]]+")
_FILES = ("facts.yml", "helplines.yml", "guidance/**/*.md", "guidance/**/*.yml", "centers/*.csv")
_NOTES = "README.md"
_FOR_GOOD = frozenset({301, 308})
# Many servers answer only browsers; whether the page is there cannot be told from here.
_REFUSALS = frozenset({401, 403, 429})
_PROBES = 5
_AGENT = "ALL-Care-Finder check-links"

Say = Callable[[str], None]


class NoNetwork(FinderError):
    """Nothing out there can be reached, so nothing is known of any address."""

    status = 503
    code = "no-network"


class State(StrEnum):
    """What is known of an address after opening it."""

    OPENS = "opens"
    MOVED = "moved"
    REFUSED = "refused"
    BROKEN = "broken"


_TITLES = {
    State.BROKEN: "Broken: mend or take out",
    State.MOVED: "Moved for good: write the new address",
    State.REFUSED: "Closed to programs: open by hand",
}


@dataclass(frozen=True, slots=True)
class Manner:
    """How addresses are opened: seconds to ``wait`` for a server and to ``pause`` between two pages of a host."""

    wait: float = 20
    pause: float = 1
    hosts_at_once: int = 6


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one address answered; ``status`` is 0 where no answer came, and ``problem`` says why."""

    url: str
    state: State
    status: int = 0
    moved_to: str = ""
    problem: str = ""
    reached: bool = True


def addresses(data: Path) -> dict[str, tuple[str, ...]]:
    """Return every address in the data folder with the places where it stands, as ``file:line``, both in order."""
    found: dict[str, list[str]] = {}
    for pattern in _FILES:
        for path in sorted(data.glob(pattern)):
            for line, text in _lines(path) if path.name != _NOTES else ():
                for url in _urls(text):
                    found.setdefault(url, []).append(f"{path.relative_to(data).as_posix()}:{line}")
    return {url: tuple(dict.fromkeys(places)) for url, places in found.items()}


def check(urls: Iterable[str], manner: Manner = Manner(), say: Say = lambda _line: None) -> list[Outcome]:
    """Open each address and return what came of it, in order; NoNetwork when none of the first hosts can be reached."""
    wanted = list(dict.fromkeys(urls))
    hosts: dict[str, list[str]] = {}
    for url in wanted:
        hosts.setdefault(urlsplit(url).netloc.lower(), []).append(url)
    say(f"Opening {len(wanted)} addresses of {len(hosts)} hosts …")
    with ThreadPoolExecutor(manner.hosts_at_once) as pool:
        _need_network(list(pool.map(lambda of_host: _open(of_host[0], manner), list(hosts.values())[:_PROBES])))
        opened = pool.map(lambda of_host: list(_host(of_host, manner)), hosts.values())
        done = {outcome.url: outcome for outcomes in opened for outcome in outcomes}
    return [done[url] for url in wanted]


def report(outcomes: Iterable[Outcome], places: Mapping[str, tuple[str, ...]]) -> str:
    """Return in words what came of the addresses: first how many open, then every other one with where it stands."""
    by_state: dict[State, list[Outcome]] = {state: [] for state in State}
    for outcome in outcomes:
        by_state[outcome.state].append(outcome)
    lines = [f"{len(by_state[State.OPENS])} of {sum(map(len, by_state.values()))} addresses open."]
    for state, title in _TITLES.items():
        if by_state[state]:
            lines.append(f"\n{title} ({len(by_state[state])}):")
            lines += [_described(one, places) for one in by_state[state]]
    return "\n".join(lines)


def report_json(outcomes: Iterable[Outcome], places: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """Return the same as a plain JSON object, with every address."""
    listed = list(outcomes)
    return {
        "counts": {state.value: sum(one.state is state for one in listed) for state in State},
        "addresses": [
            {
                "url": one.url,
                "state": one.state.value,
                "status": one.status or None,
                "moved_to": one.moved_to or None,
                "problem": one.problem or None,
                "places": list(places.get(one.url, ())),
            }
            for one in listed
        ],
    }


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        if path.suffix == ".csv":
            reader = csv.reader(file)
            yield from ((reader.line_num, cell) for row in reader for cell in row)
        else:
            yield from enumerate(file, 1)


def _urls(text: str) -> list[str]:
    """Return the addresses in a text, without the signs that end a sentence after one."""
    if _ADDRESS.fullmatch(text):
        return [text]
    return [match[0].rstrip(".,;:") for match in _ADDRESS.finditer(text)]


def _need_network(probes: list[Outcome]) -> None:
    if probes and not any(probe.reached for probe in probes):
        hosts = ", ".join(urlsplit(probe.url).netloc for probe in probes)
        raise NoNetwork(f"There is no network: none of {hosts} can be reached. No address was checked.")


def _host(urls: list[str], manner: Manner) -> Iterator[Outcome]:
    """Open the addresses of one host, one after the other."""
    for number, url in enumerate(urls):
        if number:
            time.sleep(manner.pause)
        yield _open(url, manner)


def _open(url: str, manner: Manner) -> Outcome:
    try:
        with requests.Session() as session:
            session.headers["User-Agent"] = _AGENT
            session.max_redirects = 5
            return _ask(session, url, manner.wait)
    except requests.RequestException as error:
        return Outcome(url, State.BROKEN, problem=_cause(error), reached=not _is_unreachable(error))


def _ask(session: requests.Session, url: str, wait: float) -> Outcome:
    """Ask for the head, and for the whole where a server gives no head; the last error is the caller's."""
    try:
        with session.head(url, timeout=wait, allow_redirects=True) as response:
            if response.ok:
                return _outcome(url, response)
    except requests.Timeout:
        raise
    except requests.RequestException:
        pass  # Some servers break off at a request that browsers do not make.
    with session.get(url, timeout=wait, stream=True) as response:
        return _outcome(url, response)


def _outcome(url: str, response: requests.Response) -> Outcome:
    status = response.status_code
    if not response.ok:
        return Outcome(url, State.REFUSED if status in _REFUSALS else State.BROKEN, status)
    moved = any(step.status_code in _FOR_GOOD for step in response.history)
    return Outcome(url, State.MOVED, status, response.url) if moved else Outcome(url, State.OPENS, status)


def _is_unreachable(error: requests.RequestException) -> bool:
    if isinstance(error, requests.exceptions.ProxyError | requests.ConnectTimeout):
        return True
    cause = error.args[0] if error.args else None
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError | ConnectTimeoutError)


def _cause(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not valid"
    if isinstance(error, requests.TooManyRedirects):
        return "it leads in a circle"
    return "the server cannot be reached" if _is_unreachable(error) else "the connection broke"


def _described(outcome: Outcome, places: Mapping[str, tuple[str, ...]]) -> str:
    told = outcome.problem or str(outcome.status)
    new = f"\n      now {outcome.moved_to}" if outcome.moved_to else ""
    return f"  {told}  {outcome.url}{new}\n      in {', '.join(places.get(outcome.url, ()))}"
