"""How gunicorn runs the application; it reads this module's names as its settings."""

import logging

worker_class = "gthread"
threads = 4
timeout = 30
graceful_timeout = 20
keepalive = 5
limit_request_line = 4094
limit_request_fields = 60
accesslog = None  # An access log would hold what people search for.
proc_name = "all-care-finder"
control_socket_disable = True  # It would lie in the home folder of whoever starts the program; signals do.


class WithoutQueries(logging.Filter):
    """Cuts the query off every address that gunicorn wants to log."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the record, with each text argument cut at its first question mark."""
        if isinstance(record.args, tuple):
            record.args = tuple(arg.split("?")[0] if isinstance(arg, str) else arg for arg in record.args)
        return True


def on_starting(server: object) -> None:
    """Put the filter in place before anything is logged."""
    logging.getLogger("gunicorn.error").addFilter(WithoutQueries())


def when_ready(server: object) -> None:
    """Print where the pages are."""
    addresses = " ".join(str(listener) for listener in server.LISTENERS)  # type: ignore[attr-defined]
    print(f"ALL Care Finder is ready: {addresses}", flush=True)  # noqa: T201 - a person waits for this line
