import json
import logging
import threading
import time
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from geopy.adapters import RequestsAdapter, URLLibAdapter
from geopy.exc import GeocoderParseError, GeocoderQuotaExceeded, GeocoderTimedOut, GeocoderUnavailable
from geopy.geocoders import Nominatim, Pelias, Photon

from finder.domain.place import LocateStatus, Precision
from finder.errors import SettingsError
from finder.geocoding import Locator, locator, online, online_geocoder
from finder.geocoding.census import USCensus

ADDRESS = "1515 Holcombe Blvd, Houston, TX 77030"
HERE = (29.7071, -95.3971)

NOMINATIM = [{"lat": str(HERE[0]), "lon": str(HERE[1]), "display_name": "1515 Holcombe"}]
FEATURES = {
    "features": [
        {
            "geometry": {"type": "Point", "coordinates": [HERE[1], HERE[0]]},
            "properties": {"name": "1515 Holcombe", "label": "1515 Holcombe", "country": "US"},
        }
    ]
}
CENSUS = {
    "result": {"addressMatches": [{"matchedAddress": "1515 HOLCOMBE", "coordinates": {"x": HERE[1], "y": HERE[0]}}]}
}


class FakeService(ThreadingHTTPServer):
    """A real server whose answer each test sets; it counts what it was asked."""

    daemon_threads = True
    block_on_close = False

    def __init__(self):
        super().__init__(("127.0.0.1", 0), FakeHandler)
        self.answer = lambda handler: handler.give(200, b"[]")
        self.asked = []
        self.ended = threading.Event()

    @property
    def domain(self):
        return f"127.0.0.1:{self.server_port}"


class FakeHandler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        with suppress(OSError):  # the caller goes away, as it should from a slow server
            self.server.answer(self)

    def give(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args):
        pass


@pytest.fixture
def service():
    server = FakeService()
    thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.01))
    thread.start()
    yield server
    server.ended.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def short_time(monkeypatch):
    """The real limit of three seconds, shortened so that the tests of slow servers are quick."""
    monkeypatch.setattr(online, "TIMEOUT_SECONDS", 0.4)


class Kept(dict):
    """A cache in memory."""

    put = dict.__setitem__


def give_json(value):
    return lambda handler: handler.give(200, json.dumps(value).encode(), Content_Type="application/json")


def nominatim(service, **options):
    return online_geocoder("nominatim", {"domain": service.domain, "scheme": "http", "user_agent": "tests"} | options)


def located_by(index, service, cache=None, text=ADDRESS):
    return Locator(index, nominatim(service), cache).locate(text)


@pytest.mark.parametrize(
    ("name", "answer", "options"),
    [
        ("nominatim", NOMINATIM, {"user_agent": "tests"}),
        ("photon", FEATURES, {}),
        ("pelias", FEATURES, {}),
        ("census", CENSUS, {}),
    ],
)
def test_each_named_geocoder_places_an_address_exactly(index, service, name, answer, options):
    service.answer = give_json(answer)
    geocoder = online_geocoder(name, {"domain": service.domain, "scheme": "http"} | options)

    place = Locator(index, geocoder).locate(ADDRESS).place

    assert (place.point.latitude, place.point.longitude) == HERE
    assert place.precision is Precision.ADDRESS
    assert place.label == "an address in 77030 (Houston, TX)"
    assert len(service.asked) == 1


def test_any_geocoder_of_geopy_can_be_named():
    assert isinstance(online_geocoder("Pelias", {"domain": "127.0.0.1:1"}), Pelias)
    assert isinstance(online_geocoder("PHOTON", {}), Photon)
    assert type(online_geocoder("opencage", {"api_key": "k"})).__name__ == "OpenCage"


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("nowhere", {}, "names no geocoder"),
        ("nominatim", {}, "geocoder_options"),
        ("photon", {"colour": "red"}, "geocoder_options"),
        ("photon", {"scheme": "gopher"}, "geocoder_options"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(name, options, said):
    with pytest.raises(SettingsError, match=said):
        online_geocoder(name, options)


@pytest.mark.parametrize(
    "text",
    ["02139", "Boston, MA", "Portland", "zzzzz", "42.36, -71.06", "Texas", "90210 Beverly Hills", "123 Main St", "NYC"],
)
def test_only_street_addresses_are_asked_online(index, service, text):
    located_by(index, service, text=text)

    assert service.asked == []


def test_an_answer_is_kept_under_a_hash_and_asked_once(index, service):
    service.answer = give_json(NOMINATIM)
    cache = Kept()

    first = located_by(index, service, cache)
    again = located_by(index, service, cache, "1515 HOLCOMBE blvd.  Houston TX 77030")

    assert first == again
    assert len(service.asked) == 1
    assert all(len(key) == 64 for key in cache)
    assert "olcombe" not in repr(cache)


def test_an_address_that_the_service_does_not_know_is_kept_too(index, service):
    cache = Kept()

    for _ in range(2):
        located = located_by(index, service, cache)

    assert located.message == locator.NOT_TRUSTED
    assert located.place.precision is Precision.ZIP
    assert len(service.asked) == 1


@pytest.mark.parametrize("elsewhere", [(42.36, -71.06), (51.5, -0.12), (29.7071, -94.5)])
def test_an_answer_far_from_the_zip_code_is_not_trusted(index, service, elsewhere):
    service.answer = give_json([{"lat": str(elsewhere[0]), "lon": str(elsewhere[1]), "display_name": "x"}])

    located = located_by(index, service)

    assert located.place.label == "77030 (Houston, TX)"
    assert located.message == locator.NOT_TRUSTED


def slow(handler):
    handler.server.ended.wait(5)


def dripping(handler):
    handler.send_response(200)
    handler.end_headers()
    while not handler.server.ended.wait(0.05):
        handler.wfile.write(b" ")
        handler.wfile.flush()


def dripping_headers(handler):
    handler.wfile.write(b"HTTP/1.0 200 OK\r\n")
    while not handler.server.ended.wait(0.05):
        handler.wfile.write(b"X")
        handler.wfile.flush()


def huge(handler):
    handler.send_response(200)
    handler.end_headers()
    for _ in range(400):
        handler.wfile.write(b"[" * 10_000)


def status(code, **headers):
    return lambda handler: handler.give(code, b"sorry, 1515 Holcombe", **headers)


FAILURES = {
    "answers with 400": status(400),
    "answers with 401": status(401),
    "answers with 403": status(403),
    "answers with 429": status(429, Retry_After="60"),
    "answers with 500": status(500),
    "answers with 503": status(503),
    "sends elsewhere": lambda handler: handler.give(302, b"", Location=handler.path + "&again=1"),
    "sends HTML": lambda handler: handler.give(200, b"<html>1515 Holcombe</html>"),
    "sends nothing": lambda handler: handler.give(200, b""),
    "sends other JSON": give_json({"error": "1515 Holcombe"}),
    "sends a number": give_json(5),
    "sends a list of nothing": give_json([None]),
    "sends no position": give_json([{"lat": "NaN", "lon": "x", "display_name": "x"}]),
    "sends broken text": lambda handler: handler.give(200, b"\xff\xfe\x00["),
    "closes": lambda handler: handler.connection.close(),
    "is silent": slow,
    "sends blanks for ever": dripping,
    "sends a header for ever": dripping_headers,
    "sends a flood": huge,
}


@pytest.mark.parametrize("failure", FAILURES)
def test_whatever_a_service_does_the_gazetteer_answers_and_says_so(index, service, failure, short_time, caplog):
    service.answer = FAILURES[failure]
    caplog.set_level(logging.DEBUG)
    cache = Kept()
    geocoder = nominatim(service)
    began = time.monotonic()

    located = Locator(index, geocoder, cache).locate(ADDRESS)

    assert time.monotonic() - began < 1.5
    assert located.status is LocateStatus.POINT
    assert located.place.label == "77030 (Houston, TX)"
    assert located.message == locator.NO_ANSWER
    assert len(service.asked) <= 1
    assert cache == {}
    assert "olcombe" not in caplog.text
    assert "The online geocoder failed" in caplog.text


def test_a_service_that_is_not_there_costs_little(index, caplog):
    geocoder = online_geocoder("photon", {"domain": "127.0.0.1:9", "scheme": "http"})
    caplog.set_level(logging.DEBUG)

    located = Locator(index, geocoder).locate(ADDRESS)

    assert located.message == locator.NO_ANSWER
    assert "olcombe" not in caplog.text


def test_an_address_in_an_error_reaches_no_log(index, service, caplog):
    class Talkative(Nominatim):
        def geocode(self, query, **_options):
            raise RuntimeError(f"cannot find {query}")

    caplog.set_level(logging.DEBUG)
    geocoder = Talkative(user_agent="tests")

    assert Locator(index, geocoder).locate(ADDRESS).message == locator.NO_ANSWER
    assert "olcombe" not in caplog.text
    assert "RuntimeError" in caplog.text


def test_a_cache_that_fails_does_not_stop_the_look_up(index, service, caplog):
    class Broken:
        def get(self, key):
            raise ConnectionError("the database is away")

        def put(self, key, value):
            raise ConnectionError("the database is away")

    assert Locator(index, nominatim(service), Broken()).locate(ADDRESS).message == locator.NO_ANSWER


def test_a_spoilt_cache_does_not_stop_the_look_up(index, service):
    class Spoilt(Kept):
        def get(self, key, default=None):
            return "[1"

    assert Locator(index, nominatim(service), Spoilt()).locate(ADDRESS).place.precision is Precision.ZIP


def test_few_callers_wait_for_a_slow_service_and_the_others_go_on(index, service, short_time):
    service.answer = slow
    slow_locator = Locator(index, nominatim(service))
    threads = [threading.Thread(target=slow_locator.locate, args=(ADDRESS,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    while len(service.asked) < 4:
        time.sleep(0.005)

    began = time.monotonic()
    located = slow_locator.locate(ADDRESS)

    assert time.monotonic() - began < 0.2
    assert located.message == locator.NO_ANSWER
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("adapter", [RequestsAdapter, URLLibAdapter])
def test_the_census_geocoder_works_with_geopys_own_adapters(service, adapter):
    service.answer = give_json(CENSUS)

    with USCensus(domain=service.domain, scheme="http", adapter_factory=adapter) as geocoder:
        location = geocoder.geocode(ADDRESS)
        everything = geocoder.geocode(ADDRESS, exactly_one=False)

    assert (location.latitude, location.longitude) == HERE
    assert location.address == "1515 HOLCOMBE"
    assert len(everything) == 1
    asked = parse_qs(urlsplit(service.asked[0]).query)
    assert asked == {"address": [ADDRESS], "benchmark": ["Public_AR_Current"], "format": ["json"]}


# Not with RequestsAdapter, which sleeps for as long as Retry-After says and asks twice more.
@pytest.mark.parametrize("adapter", [URLLibAdapter, online.OneRequest])
def test_the_census_geocoder_finds_nothing_or_says_why(service, adapter):
    geocoder = USCensus(domain=service.domain, scheme="http", timeout=2, adapter_factory=adapter)

    service.answer = give_json({"result": {"addressMatches": []}})
    assert geocoder.geocode(ADDRESS) is None
    service.answer = give_json({"errors": ["no"]})
    with pytest.raises(GeocoderParseError):
        geocoder.geocode(ADDRESS)
    service.answer = status(429, Retry_After="7")
    with pytest.raises(GeocoderQuotaExceeded) as raised:
        geocoder.geocode(ADDRESS)
    assert raised.value.retry_after == 7


def test_one_request_names_its_errors_without_the_address(service):
    geocoder = USCensus(domain=service.domain, scheme="http", timeout=0.2, adapter_factory=online.OneRequest)

    service.answer = slow
    with pytest.raises(GeocoderTimedOut) as late:
        geocoder.geocode(ADDRESS)
    service.answer = lambda handler: handler.connection.close()
    with pytest.raises(GeocoderUnavailable) as gone:
        geocoder.geocode(ADDRESS)

    assert "olcombe" not in f"{late.value!r} {gone.value!r}"


@pytest.mark.parametrize("name", ["geopy", "urllib3", "urllib3.connectionpool", "urllib3.util.retry"])
def test_the_loggers_that_would_write_an_address_are_silent(service, name):
    nominatim(service)

    assert not logging.getLogger(name).isEnabledFor(logging.ERROR)
