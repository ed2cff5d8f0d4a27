"""A parent who reads Spanish, on a phone: a center for a child, questions, the first call, and what to do first."""

import re

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import PHONE

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_a_spanish_reader_gets_from_the_first_page_to_a_printed_call(visit, javascript):
    page = visit("/", viewport=PHONE, java_script_enabled=javascript)
    page.get_by_role("link", name="Español").click()
    expect(page).to_have_title(re.compile("^Busque atención"))

    page.get_by_label("Ciudad y estado, código postal o dirección").fill("Bostn, MA")
    page.get_by_label("Un niño o adolescente menor de 18 años").check()
    page.get_by_role("button", name="Buscar atención").click()
    nearest = page.locator(".card").first
    expect(nearest).to_contain_text("Atiende a niños")
    name = nearest.locator("h3").inner_text()
    expect(nearest.locator("a.call")).to_have_attribute("href", re.compile(r"^tel:\+1-\d{3}-\d{3}-\d{4}$"))
    expect(page.get_by_role("heading", name="Qué hacer primero")).to_be_visible()

    nearest.locator("h3 a").click()
    page.get_by_role("link", name="Hoja para la primera llamada").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Para la primera llamada")
    expect(page.locator("main")).to_contain_text(name)
    expect(page.locator("main")).to_contain_text("I need a Spanish interpreter, please.")

    page.goto("/es/")
    page.get_by_role("link", name="Escoja sus preguntas").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    box = page.locator("#q1-2")
    box.check()
    expect(box).to_be_checked()
    page.goto("/es/")
    page.get_by_role("link", name="Qué hacer primero").first.click()
    expect(page.locator("main")).to_contain_text("Llame a un centro de leucemia")
