"""Street addresses asked of an online geocoder, which is off unless an operator switched it on."""

import hashlib
import json
import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

import requests
from geopy.adapters import AdapterHTTPError, RequestsAdapter
from geopy.exc import GeocoderParseError, GeocoderServiceError, GeocoderTimedOut, GeocoderUnavailable, GeopyError
from geopy.geocoders import SERVICE_TO_GEOCODER
from geopy.geocoders.base import Geocoder

from finder.domain.geo import GeoPoint
from finder.errors import SettingsError
from finder.geocoding.census import USCensus
from finder.geocoding.names import place_key

TIMEOUT_SECONDS = 3.0
_MOST_BYTES = 1_000_000
_AT_ONCE = 4  # more callers than this do not wait for a slow service, they go without
_GEOCODERS: dict[str, Any] = {
    **{geocoder.__name__.lower(): geocoder for geocoder in SERVICE_TO_GEOCODER.values()},
    **SERVICE_TO_GEOCODER,
    "census": USCensus,
}
_ONLY_US: dict[str, dict[str, Any]] = {"nominatim": {"country_codes": "us"}, "pelias": {"countries": ["US"]}}

_log = logging.getLogger(__name__)


class AddressCache(Protocol):
    """Where answers are kept: the key is a hash, the value is JSON, neither holds an address."""

    def get(self, key: str) -> str | None:
        """Return the value kept for the key, or None."""
        ...

    def put(self, key: str, value: str) -> None:
        """Keep the value, in place of an older one."""
        ...


class Failed(Exception):
    """The online geocoder gave no usable answer. The message never holds the query."""


def online_geocoder(name: str, options: Mapping[str, object]) -> Geocoder:
    """Return the geopy geocoder of that name ("nominatim", "photon", "pelias", "census" or any other of geopy's).

    ``options`` are the arguments of its class. Raises SettingsError for a name or options that cannot be used.
    Its adapter makes one request without redirects or retries, within three seconds.
    """
    # Both write the address that is asked for into the log, urllib3 even in warnings.
    for leaky in ("geopy", "urllib3"):
        logging.getLogger(leaky).setLevel(logging.CRITICAL)
    geocoder = _GEOCODERS.get(name.lower())
    if geocoder is None:
        raise SettingsError(f"The setting geocoder names no geocoder; known are: {', '.join(sorted(_GEOCODERS))}.")
    fixed = {"timeout": TIMEOUT_SECONDS, "adapter_factory": OneRequest}
    try:
        return geocoder(**{**options, **fixed})
    except (TypeError, ValueError, GeopyError) as error:
        raise SettingsError(f"The setting geocoder_options does not fit this geocoder: {error}") from None


class OneRequest(RequestsAdapter):  # type: ignore[misc]  # geopy has no types
    """An adapter that asks once: no retry, no redirect, a limit for time and size, no address in an error."""

    def __init__(self, *, proxies: Any, ssl_context: Any) -> None:
        super().__init__(proxies=proxies, ssl_context=ssl_context, max_retries=0)

    def get_json(self, url: str, *, timeout: float, headers: Mapping[str, str]) -> Any:
        """Return the answer as JSON; raises GeocoderParseError where it is not."""
        try:
            return json.loads(self.get_text(url, timeout=timeout, headers=headers))
        except ValueError:
            raise GeocoderParseError("the answer is not JSON") from None

    def get_text(self, url: str, *, timeout: float, headers: Mapping[str, str]) -> str:
        """Return the answer as text; raises geopy's errors."""
        until = time.monotonic() + timeout
        try:
            with self.session.get(
                url, timeout=timeout, headers=headers, allow_redirects=False, stream=True
            ) as response:
                return _text(response, until)
        except requests.Timeout:
            raise GeocoderTimedOut("no answer in time") from None
        except requests.RequestException as error:
            raise GeocoderUnavailable(f"no connection: {type(error).__name__}") from None


class OnlineAddresses:
    """An online geocoder behind a cache and a strict time limit."""

    def __init__(self, geocoder: Geocoder, cache: AddressCache | None = None) -> None:
        self._geocoder = geocoder
        self._cache = cache
        self._free = threading.BoundedSemaphore(_AT_ONCE)
        self._arguments = _ONLY_US.get(type(geocoder).__name__.lower(), {})

    def find(self, address: str) -> GeoPoint | None:
        """Return where the address is, None where the service knows no such address; raises Failed."""
        key = hashlib.sha256(place_key(address).encode()).hexdigest()
        try:
            kept = None if self._cache is None else self._cache.get(key)
            if kept is not None:
                return _from_json(kept)
            point = self._ask(address)
            if self._cache is not None:
                self._cache.put(key, _to_json(point))
        except Exception as error:  # a service, its answer and a cache can fail in ways of their own
            # Only the kind of error is told: geopy's and others' messages may hold the address.
            _log.warning("The online geocoder failed: %s", type(error).__name__)
            raise Failed(type(error).__name__) from None
        return point

    def _ask(self, address: str) -> GeoPoint | None:
        if not self._free.acquire(blocking=False):
            raise GeocoderUnavailable("too many questions at once")
        ask = partial(self._geocoder.geocode, address, **self._arguments)
        found = _within(TIMEOUT_SECONDS, ask, done=self._free.release)
        return None if found is None else GeoPoint(float(found.latitude), float(found.longitude))


def _within(seconds: float, call: Callable[[], Any], done: Callable[[], None]) -> Any:
    """Return what the call returns, or raise what it raises, in so many seconds of the clock.

    A socket's timeout begins anew with every packet and does not cover the look-up of a host, so the call has a
    thread of its own; one that is late ends by itself and its answer is dropped. ``done`` is called when it ends.
    """
    answers: queue.SimpleQueue[tuple[Any, Exception | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put((call(), None))
        except Exception as error:
            answers.put((None, error))
        finally:
            done()

    threading.Thread(target=run, daemon=True, name="online-geocoder").start()
    try:
        answer, error = answers.get(timeout=seconds)
    except queue.Empty:
        raise GeocoderTimedOut("no answer in time") from None
    if error:
        raise error
    return answer


def _text(response: requests.Response, until: float) -> str:
    if not response.ok or response.is_redirect:
        headers = {name.lower(): value for name, value in response.headers.items()}
        raise AdapterHTTPError("not successful", status_code=response.status_code, headers=headers, text=None)
    body = bytearray()
    for part in response.iter_content(16_384):
        body += part
        if len(body) > _MOST_BYTES:
            raise GeocoderServiceError("the answer is too large")
        if time.monotonic() > until:
            raise GeocoderTimedOut("no answer in time")
    return body.decode("utf-8", errors="replace")


def _to_json(point: GeoPoint | None) -> str:
    return json.dumps(None if point is None else [point.latitude, point.longitude])


def _from_json(text: str) -> GeoPoint | None:
    value = json.loads(text)
    return None if value is None else GeoPoint(*value)
