"use strict";
/* What pages gain with JavaScript: completions of a place, "use my position", and a focused list of mistakes. */

const WORDS = {
  en: {
    refused: "Your browser did not share your position. Type a city or ZIP code instead.",
    notFound: "Your position could not be found. Type a city or ZIP code instead.",
    places: "Places",
    choose: (count) => `${count} places. Use the arrow keys to choose.`,
  },
  es: {
    refused: "Su navegador no compartió su ubicación. Escriba una ciudad o un código postal.",
    notFound: "No se pudo encontrar su ubicación. Escriba una ciudad o un código postal.",
    places: "Lugares",
    choose: (count) => `${count} lugares. Use las flechas para elegir.`,
  },
}[document.documentElement.lang];

(function errorSummary() {
  const summary = document.getElementById("errors");
  if (summary) summary.focus();
})();

/* "Use my position": asked for on a press only, rounded to 0.01 degrees before it leaves the device. */
(function position() {
  const button = document.querySelector("[data-position]");
  if (!button || !("geolocation" in navigator)) return;
  const form = button.form;
  const problem = form.querySelector("[data-position-error]");
  button.hidden = false;
  form.querySelector("[data-position-hint]").hidden = false;

  function go(found) {
    const wanted = new URLSearchParams();
    wanted.set("latitude", found.coords.latitude.toFixed(2));
    wanted.set("longitude", found.coords.longitude.toFixed(2));
    const who = new FormData(form).get("who");
    if (who) wanted.set("who", who);
    location.assign(form.action + "?" + wanted);
  }

  function tell(error) {
    button.disabled = false;
    problem.textContent =
      error.code === error.PERMISSION_DENIED ? WORDS.refused : WORDS.notFound;
  }

  // A page that comes back from the browser's memory must not keep the button switched off.
  addEventListener("pageshow", () => (button.disabled = false));
  button.addEventListener("click", () => {
    button.disabled = true;
    problem.textContent = "";
    navigator.geolocation.getCurrentPosition(go, tell, { timeout: 10000, maximumAge: 600000 });
  });
})();

/* Completions as a combobox with a listbox (WAI-ARIA practices): the text stays what was typed until one is chosen. */
(function completions() {
  for (const input of document.querySelectorAll("[data-suggest]")) combobox(input);

  function combobox(input) {
    const list = document.createElement("ul");
    list.id = input.id + "-list";
    list.className = "suggestions";
    list.hidden = true;
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", WORDS.places);
    const status = document.createElement("p");
    status.className = "hidden";
    status.setAttribute("role", "status");
    input.parentElement.append(list, status);
    for (const [name, value] of [
      ["role", "combobox"],
      ["aria-autocomplete", "list"],
      ["aria-expanded", "false"],
      ["aria-controls", list.id],
    ]) input.setAttribute(name, value);
    input.autocomplete = "off";

    let places = [];
    let active = -1;
    let waiting = 0;
    let asked = 0;

    function close() {
      list.hidden = true;
      active = -1;
      input.setAttribute("aria-expanded", "false");
      input.removeAttribute("aria-activedescendant");
    }

    function mark(index) {
      active = index;
      [...list.children].forEach((item, n) => item.setAttribute("aria-selected", String(n === index)));
      if (index >= 0) input.setAttribute("aria-activedescendant", list.children[index].id);
      else input.removeAttribute("aria-activedescendant");
    }

    function choose(index) {
      input.value = places[index].label;
      close();
    }

    function show(found) {
      places = found;
      list.replaceChildren(
        ...found.map((place, n) => {
          const item = document.createElement("li");
          item.id = list.id + "-" + n;
          item.setAttribute("role", "option");
          item.textContent = place.label;
          item.addEventListener("pointerdown", (event) => {
            event.preventDefault();
            choose(n);
          });
          return item;
        }),
      );
      mark(-1);
      list.hidden = !found.length;
      input.setAttribute("aria-expanded", String(found.length > 0));
      status.textContent = found.length ? WORDS.choose(found.length) : "";
    }

    async function ask() {
      const text = input.value.trim();
      const number = ++asked;
      if (text.length < 2) return show([]);
      try {
        const answer = await fetch("/suggest?" + new URLSearchParams({ q: text }));
        const found = answer.ok ? await answer.json() : [];
        if (number === asked && document.activeElement === input) show(found);
      } catch {
        close();
      }
    }

    input.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(ask, 120);
    });
    input.addEventListener("blur", close);
    input.addEventListener("keydown", (event) => {
      if (list.hidden) return;
      if (event.key === "ArrowDown") mark((active + 1) % places.length);
      else if (event.key === "ArrowUp") mark(active <= 0 ? places.length - 1 : active - 1);
      else if (event.key === "Enter" && active >= 0) choose(active);
      else if (event.key === "Escape") close();
      else return;
      event.preventDefault();
    });
  }
})();
