"""A small HTTP server on this machine that does what servers out there do: breaks off, ignores ranges, redirects."""

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclass
class Answer:
    """What is at a path. ``breaks`` holds, for one request after the other, the bytes after which it breaks off."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    breaks: list[int] = field(default_factory=list)
    ranges: bool = True
    version: str = '"1"'
    length: bool = True


class Loopback:
    """The server: ``answers`` by path (with the query first, if it stands there), ``requests`` as they came."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer | list[Answer]] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.loopback = self
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Loopback":
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str) -> Answer:
        """Return what is at a path; of a list, one after the other, the last one for good."""
        found = self.answers.get(path) or self.answers.get(urlsplit(path).path) or Answer(b"nothing here", 404)
        if isinstance(found, list):
            return found.pop(0) if len(found) > 1 else found[0]
        return found

    def ranges(self) -> list[str]:
        """Return the ranges that were asked for, "" for the whole."""
        return [headers.get("Range", "") for _, headers in self.requests]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    loopback: Loopback


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.server.loopback.requests.append((self.path, dict(self.headers)))
        answer = self.server.loopback.answer(self.path)
        start = self._start(answer)
        if start is not None and start >= len(answer.body):
            self._head(416, {"Content-Range": f"bytes */{len(answer.body)}", "Content-Length": "0"})
            return
        body = answer.body[start or 0 :]
        headers = {"ETag": answer.version} | answer.headers
        if answer.length:
            headers["Content-Length"] = str(len(body))
        if start is not None:
            headers["Content-Range"] = f"bytes {start}-{len(answer.body) - 1}/{len(answer.body)}"
        self._head(answer.status if start is None else 206, {name: value for name, value in headers.items() if value})
        self.wfile.write(body[: answer.breaks.pop(0)] if answer.breaks else body)
        self.close_connection = True

    def _start(self, answer: Answer) -> int | None:
        asked = self.headers.get("Range", "")
        current = self.headers.get("If-Range", answer.version) == answer.version
        if not (asked and answer.ranges and current and answer.status == 200):
            return None
        return int(asked.removeprefix("bytes=").removesuffix("-"))

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if value:
                self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass
