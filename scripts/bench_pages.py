"""Lighthouse on real pages of a real server: a phone, Chromium, three runs each, the middle one counts."""

import json
import os
import shutil
import statistics
import subprocess
from itertools import product
from pathlib import Path

RUNS = 3
PAGES = {
    "home": "/",
    "results": "/search?near=02139&who=adult",
    "a center": "/centers/dana-farber",
    "guidance": "/guidance/what-to-do-first",
}
LANGUAGES = {"English": "", "Spanish": "/es"}
CHROMIUM = "--headless=new --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-sync"
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
EVERY = tuple(product(PAGES, LANGUAGES))

Scores = dict[str, float]


def program() -> list[str]:
    """Return the command of Lighthouse; raises RuntimeError where scripts/bench could not install it."""
    home = os.environ.get("LIGHTHOUSE")
    if not home or not shutil.which("node"):
        raise RuntimeError("Lighthouse is not installed (it needs npm and Node.js)")
    if not browser():
        raise RuntimeError("there is no Chromium here")
    return ["node", str(Path(home) / "cli" / "index.js")]


def browser() -> str | None:
    return shutil.which("chromium") or shutil.which("google-chrome")


def scores(server: str, page: str, language: str) -> Scores:
    """Return the middle score of each category for one page, 0 to 100."""
    command = program()
    runs = [_run(command, server + LANGUAGES[language] + PAGES[page]) for _ in range(RUNS)]
    return {category: statistics.median(run[category] for run in runs) for category in CATEGORIES}


def _run(command: list[str], url: str) -> Scores:
    flags = [f"--chrome-flags={CHROMIUM}", "--output=json", "--quiet", f"--only-categories={','.join(CATEGORIES)}"]
    done = subprocess.run(
        [*command, url, *flags, "--no-enable-error-reporting"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"CHROME_PATH": browser() or ""},
        timeout=240,
    )
    told = json.loads(done.stdout)
    if told.get("runtimeError"):
        raise RuntimeError(told["runtimeError"]["message"])
    return {name: 100 * (part["score"] or 0.0) for name, part in told["categories"].items()}
