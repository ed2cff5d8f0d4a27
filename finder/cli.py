"""The command line: serve, set up, search, geocode and import."""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence

from gunicorn.app.wsgiapp import run as run_gunicorn

from finder import check_links, import_commands, user_commands
from finder.domain.dates import words
from finder.domain.listing import Reason
from finder.domain.place import Located
from finder.domain.query import PARAMETERS, SearchQuery
from finder.errors import FinderError, InvalidQuery
from finder.formats import search_json
from finder.geocoding import geocode_record
from finder.imports import Imports
from finder.jobs import Jobs, end_with_parent
from finder.search import SearchPage
from finder.services import Services, refill, setup
from finder.settings import SETTINGS, load


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 not found or not done, 2 wrong use.

    The commands for imports and for links have codes of their own, which their help names.
    """
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except InvalidQuery as error:
        for name, reason in error.fields.items():
            print(f"--{name} {reason}", file=sys.stderr)
        return 2
    except FinderError as error:
        print(str(error), file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader of a pipe has seen enough; there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="finder", description="Leukemia centers and specialists near a place.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _serve_command(commands)
    command = commands.add_parser("work", help="carry out the imports that are asked for in the browser")
    command.add_argument("--beside", action="store_true", help="end when the process that started this one has ended")
    command.set_defaults(run=_work)
    command = commands.add_parser("setup", help="make and fill the database; a second time changes nothing")
    command.set_defaults(run=_setup)
    command = commands.add_parser("rebuild", help="make every listing again from what the sources said")
    command.set_defaults(run=_rebuild)
    command = commands.add_parser("settings", help="list the settings and what they mean")
    command.set_defaults(run=_settings)
    _search_command(commands)
    _geocode_command(commands)
    _check_links_command(commands)
    import_commands.add(commands, lambda: Imports(_services()))
    user_commands.add(commands)
    return parser


def _serve_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("serve", help="set up what is missing, then serve the pages")
    command.add_argument("--host", default="127.0.0.1")
    command.add_argument("--port", type=int, default=8000)
    command.set_defaults(run=_serve)


def _search_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("search", help="find centers and specialists near a place")
    for parameter in PARAMETERS:
        help_ = f"{parameter.help} ({', '.join(parameter.choices)})" if parameter.choices else parameter.help
        command.add_argument(f"--{parameter.name}", action="append", default=[], help=help_, metavar="TEXT")
    command.add_argument("--json", action="store_true", help="print one JSON object, as the API gives it")
    command.set_defaults(run=_search)


def _geocode_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("geocode", help="say where a text lies, without a network")
    command.add_argument("text", nargs="*", help="a place; put quotes around several words")
    command.add_argument("--file", help='a file with one place per line; "-" reads standard input')
    command.add_argument("--json", action="store_true", help="print one JSON object per line")
    command.set_defaults(run=_geocode)


def _check_links_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    manner = check_links.Manner()
    command = commands.add_parser(
        "check-links",
        help="open every address that the guidance, the figures, the help lines and the list of centers name",
        epilog="Exit codes: 0 none is broken, 2 some are broken, 6 there is no network.",
    )
    command.add_argument("--timeout", type=float, default=manner.wait, metavar="SECONDS", help="how long to wait")
    command.add_argument(
        "--pause", type=float, default=manner.pause, metavar="SECONDS", help="the time between two pages of one host"
    )
    command.add_argument("--json", action="store_true", help="print one JSON object with every address")
    command.set_defaults(run=_check_links)


def _serve(options: argparse.Namespace) -> int:
    settings = load(os.environ)
    setup(settings, _say)
    arguments = ["--bind", f"{options.host}:{options.port}", "--workers", str(settings.workers), "--preload"]
    arguments += ["--config", "python:finder.web.server_with_worker", "finder.web:create_app()"]
    # In this process, because what was imported for the set-up need not be imported again.
    sys.argv = ["gunicorn", *arguments]
    run_gunicorn(prog="finder serve")
    return 0


def _work(options: argparse.Namespace) -> int:
    if options.beside:
        end_with_parent()
    services = _services()
    Jobs(services, services.settings.jobs_url).work()
    return 0


def _setup(_options: argparse.Namespace) -> int:
    setup(load(os.environ), _say)
    print("The database is ready.")
    return 0


def _rebuild(_options: argparse.Namespace) -> int:
    count = refill(load(os.environ), _say)
    print(f"Made the listings of {count} entries again.")
    return 0


def _settings(_options: argparse.Namespace) -> int:
    for setting in SETTINGS:
        print(f"{setting.variable}={setting.default}\n    {setting.help}")
    return 0


def _search(options: argparse.Namespace) -> int:
    query = SearchQuery.parse({one.name: getattr(options, one.name) for one in PARAMETERS}, strict=True)
    services = _services()
    located = services.locate(query)
    if located.place is None:
        print(json.dumps(geocode_record(query.near, located)) if options.json else _located_words(located))
        return 1
    page = services.find(query, located.place)
    print(json.dumps(search_json(page, {"self": None, "next": None}), indent=1) if options.json else _page_words(page))
    return 0


def _page_words(page: SearchPage) -> str:
    lines = [f"Near {page.place.label} ({page.place.precision}):"]
    for layer in page.layers:
        more = "more than " if layer.more else ""
        noun = layer.layer.value.removesuffix("s") if layer.total == 1 else layer.layer
        lines.append(f"\n{more}{layer.total} {noun} within {page.query.radius} miles")
        if layer.beyond:
            lines.append("The nearest ones, farther away:")
        for found in layer.found:
            lines.append(f"\n  {found.listing.name}\n    {found.listing.address}")
            lines += [f"    - {reason.text}{_whose(reason)}" for reason in found.reasons]
    return "\n".join(lines)


def _whose(reason: Reason) -> str:
    return f" ({reason.source}, {words(reason.as_of)})" if reason.source else ""


def _geocode(options: argparse.Namespace) -> int:
    services = _services()
    for text in _texts(options):
        located = services.locator.locate(text)
        print(json.dumps(geocode_record(text, located)) if options.json else _located_words(located))
    return 0


def _check_links(options: argparse.Namespace) -> int:
    places = check_links.addresses(load(os.environ).data)
    try:
        outcomes = check_links.check(places, check_links.Manner(options.timeout, options.pause), _say)
    except check_links.NoNetwork as error:
        print(str(error), file=sys.stderr)
        return 6
    if options.json:
        print(json.dumps(check_links.report_json(outcomes, places), indent=1))
    else:
        print(check_links.report(outcomes, places))
    return 2 if any(one.state is check_links.State.BROKEN for one in outcomes) else 0


def _texts(options: argparse.Namespace) -> Iterator[str]:
    yield from options.text
    if options.file == "-":
        yield from (line.rstrip("\r\n") for line in sys.stdin)
    elif options.file:
        try:
            with open(options.file, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - a user's own path
                yield from (line.rstrip("\r\n") for line in file)
        except OSError as error:
            raise FinderError(f"{options.file} cannot be read: {error.strerror}.") from error
    elif not options.text:
        raise FinderError("Give a place, or --file with one place per line.")


def _located_words(located: Located) -> str:
    if located.place:
        point = located.place.point
        words = f"{located.place.label}  {point.latitude:.4f}, {point.longitude:.4f}  ({located.place.precision})"
        return f"{words}  {located.message}".rstrip()
    names = "; ".join(place.label for place in located.candidates)
    return f"{located.message} {names}".strip()


def _services() -> Services:
    settings = load(os.environ)
    setup(settings, _say)
    return Services.build(settings)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
