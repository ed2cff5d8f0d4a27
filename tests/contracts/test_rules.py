"""Rules of the whole project that no single part can keep: documents that stay true, and walls that stay up."""

import ast
import re
import subprocess
import sys
import time

import pytest

from finder.settings import PROJECT, SETTINGS

# Every address of the site with its methods. A new one is added here on purpose, with its page test and cache policy.
ADMIN = {
    "/admin",
    "/admin/account",
    "/admin/account/codes/confirm",
    "/admin/account/codes/start",
    "/admin/account/codes/stop",
    "/admin/account/password",
    "/admin/imports",
    "/admin/imports/columns",
    "/admin/imports/jobs/<int:number>",
    "/admin/imports/jobs/<int:number>.json",
    "/admin/imports/jobs/<int:number>/cancel",
    "/admin/imports/new",
    "/admin/imports/runs/<int:number>",
    "/admin/imports/runs/<int:number>/again",
    "/admin/imports/runs/<int:number>/apply",
    "/admin/imports/runs/<int:number>/columns",
    "/admin/imports/runs/<int:number>/discard",
    "/admin/imports/runs/<int:number>/force",
    "/admin/imports/runs/<int:number>/problems.csv",
    "/admin/imports/runs/<int:number>/undo",
    "/admin/imports/upload",
    "/admin/link/<token>",
    "/admin/quality",
    "/admin/records",
    "/admin/records/<layer>/<resource_id>",
    "/admin/records/<layer>/<resource_id>/<action>",
    "/admin/review",
    "/admin/review/<int:number>",
    "/admin/sign-in",
    "/admin/sign-out",
    "/admin/users",
    "/admin/users/<name>/activate",
    "/admin/users/<name>/deactivate",
    "/admin/users/<name>/reset",
    "/admin/users/<name>/role",
}
# What readers open: each of these has its twin in every other language.
PAGES = {
    "/",
    "/about",
    "/centers",
    "/centers/<slug>",
    "/guidance",
    "/guidance/<slug>",
    "/help",
    "/privacy",
    "/report/<layer>/<slug>",
    "/report/<layer>/<slug>/thanks",
    "/search",
    "/shared-care",
    "/shortlist",
    "/first-call",
    "/glossary",
    "/facts",
    "/offline",
    "/body",
    "/questions",
    "/records",
    "/specialists/<slug>",
}
OTHERS = {
    "/fhir/R4/<path:anything>",
    "/fhir/R4/<type_name>",
    "/fhir/R4/<type_name>/<resource_id>",
    "/fhir/R4/<type_name>/<resource_id>/_history",
    "/fhir/R4/<type_name>/<resource_id>/_history/<version>",
    "/fhir/R4/metadata",
    "/api/v1/facts",
    "/api/v1/listings",
    "/api/v1/listings/<listing_id>",
    "/api/v1/openapi.json",
    "/healthz",
    "/offline-worker.js",
    "/readyz",
    "/robots.txt",
    "/sitemap.xml",
    "/static/<version>/<path:name>",
    "/suggest",
}
# Where a value may enter a page as HTML: only what the guidance loader rendered itself.
TRUSTED_HTML = {
    "page.linked",
    "first_steps",
    "panel.warning_signs",
    "panel.first_call",
    "panel.have_ready",
}
DOCUMENTS = [
    "README.md",
    "docs/architecture.md",
    *sorted(str(one) for one in (PROJECT / "docs/decisions").glob("*.md")),
]


def shipped_files():
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [PROJECT / name for name in listed.stdout.splitlines()]


def modules(*, outside):
    return [path for path in (PROJECT / "finder").rglob("*.py") if outside not in path.parents]


def test_the_site_has_the_addresses_that_were_meant(app):
    rules = list(app.url_map.iter_rules())
    assert {rule.rule for rule in rules} == PAGES | {f"/es{page}" for page in PAGES} | OTHERS | ADMIN
    writers = {rule.rule for rule in rules if "POST" in rule.methods}
    assert writers - ADMIN == {"/report/<layer>/<slug>", "/es/report/<layer>/<slug>"}
    assert {method for rule in rules for method in rule.methods} == {"GET", "HEAD", "OPTIONS", "POST"}


def test_every_template_is_sound(app):
    for name in app.jinja_env.list_templates():
        app.jinja_env.get_template(name)


def test_only_guidance_enters_a_page_as_html():
    found = set()
    for path in (PROJECT / "templates").rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        found |= set(re.findall(r"\{\{\s*([\w.]+)\s*\|\s*safe", text))
        assert text.count("|safe") == len(re.findall(r"\{\{\s*[\w.]+\s*\|\s*safe", text)), path.name
        assert "autoescape" not in text
    assert found == TRUSTED_HTML


def test_every_setting_is_documented_as_the_program_prints_it():
    rows = re.findall(r"^\| `(FINDER_\w+)` \| .+ \| (.+) \|$", (PROJECT / "docs/settings.md").read_text(), re.MULTILINE)
    assert rows == [(setting.variable, setting.help) for setting in SETTINGS]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_path_that_a_document_names_is_there(name):
    text = (PROJECT / name).read_text(encoding="utf-8")
    folder = (PROJECT / name).parent
    named = re.findall(r"`((?:finder|templates|data|scripts|tests|docs)/[\w./-]*)`", text)
    assert not [path for path in named if not (PROJECT / path).exists()]
    linked = [link for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link and not link.startswith("#")]
    linked += [link for link in re.findall(r'src="([^"]+)"', text) if "://" not in link]
    assert not [link for link in linked if not (folder / link.partition("#")[0]).exists()]


def test_only_the_database_package_knows_which_database_it_is():
    for path in modules(outside=PROJECT / "finder" / "db"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert "dialect" not in names, path.name
        texts = {
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        assert not texts & {"sqlite", "postgresql"}, path.name


def test_every_function_is_short_enough_to_read_at_once():
    for path in modules(outside=PROJECT / "finder" / "db" / "migrations"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno - node.lineno < 40, f"{path.name}: {node.name}"


def test_no_file_of_others_is_copied_in():
    for path in shipped_files():
        if path.suffix in (".js", ".css"):
            assert "copyright" not in path.read_text(encoding="utf-8").lower(), path.name


def test_no_file_names_a_machine_or_a_registry():
    # Written in parts, so that this file does not find itself.
    words = ("/ho" + "me/", "/ro" + "ot/", "--index" + "-url", "--extra-index" + "-url", "files.python" + "hosted")
    for path in shipped_files():
        if path.suffix in (".py", ".md", ".txt", ".toml", ".sh", "") and path.is_file():
            text = path.read_text(encoding="utf-8")
            assert not [word for word in words if word in text], path.name


def test_every_process_collects_the_same_tests(request):
    """Processes that share the work refuse to begin when a test is named after a moment or a random number."""
    files = {item.path for item in request.session.items}
    asked = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *map(str, files)]
    time.sleep(1.1)
    told = subprocess.run(asked, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    here = {item.nodeid.encode("ascii", "backslashreplace").decode() for item in request.session.items}
    assert here <= set(told.splitlines())
