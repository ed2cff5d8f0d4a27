"use strict";
/* The shortlist: up to five listings that a reader keeps. Their ids stay in this browser, and nothing else does. */

(function shortlist() {
  const KEY = "shortlist";
  const MOST = 5;
  const WORDS = {
    en: {
      keep: "Keep",
      kept: "Kept",
      unkeep: (name) => `${name}: in your list. Press to take it off.`,
      added: (count) => `Kept. ${count} of ${MOST} in your list.`,
      removed: (count) => `Taken off. ${count} of ${MOST} in your list.`,
      full: `Your list is full: it holds ${MOST}. Take one off first.`,
      list: "Your list",
      some: (count) => `${count} kept`,
      compare: "Compare",
      print: "First-call page",
      saved: "This list is now kept in this browser.",
      copied: "The link is copied.",
      select: "The link is selected. Copy it with your device’s own menu.",
    },
    es: {
      keep: "Guardar",
      kept: "Guardado",
      unkeep: (name) => `${name}: está en su lista. Presione para quitarlo.`,
      added: (count) => `Guardado. Hay ${count} de ${MOST} en su lista.`,
      removed: (count) => `Quitado. Hay ${count} de ${MOST} en su lista.`,
      full: `Su lista está llena: caben ${MOST}. Quite uno primero.`,
      list: "Su lista",
      some: (count) => (count === 1 ? "1 guardado" : `${count} guardados`),
      compare: "Comparar",
      print: "Hoja para llamar",
      saved: "Esta lista ya está guardada en este navegador.",
      copied: "El enlace está copiado.",
      select: "El enlace está seleccionado. Cópielo con el menú de su dispositivo.",
    },
  }[document.documentElement.lang];
  const ID = /^(center|specialist)-[\w-]{1,120}$/;
  const page = document.querySelector(".kept");
  const link = document.querySelector("[data-shortlist]");
  const path = link.getAttribute("href");

  function read() {
    try {
      const held = JSON.parse(localStorage.getItem(KEY) || "[]");
      return Array.isArray(held) ? held.filter((id) => ID.test(id)).slice(0, MOST) : [];
    } catch {
      return [];
    }
  }

  /* Where the reader has copies for reading without internet (offline.js), they follow the list. */
  function follow(ids) {
    const before = path.replace("/shortlist", "");
    const pages = ids.map((id) => before + id.replace(/^(center|specialist)-/, "/$1s/"));
    const keep = ids.length ? [path, address(path, ids), ...pages] : [];
    navigator.serviceWorker?.controller?.postMessage({ keep });
  }

  /* Tell whether the browser keeps it: some refuse, in a private window or by a setting. */
  function write(ids) {
    try {
      if (ids.length) localStorage.setItem(KEY, JSON.stringify(ids));
      else localStorage.removeItem(KEY);
      return true;
    } catch {
      return false;
    }
  }

  function change(ids) {
    follow(ids);
    return write(ids);
  }

  const works = write(read());
  const address = (where, ids, more = "") => `${where}?ids=${ids.join(",")}${more}`;
  const split = (text) => text.split(",").filter(Boolean);

  /* The place of a search stays in addresses: it goes from that of the results to that of the comparison. */
  function asked() {
    const now = new URLSearchParams(location.search);
    const kept = new URLSearchParams();
    for (const name of ["near", "latitude", "longitude", "who"]) if (now.get(name)) kept.set(name, now.get(name));
    return kept.size ? `&${kept}` : "";
  }

  function say(text) {
    const status = document.querySelector("[data-status]");
    if (status) status.textContent = text;
  }

  /* "Keep" is a link to a list of one until a script can do better. */
  const buttons = [];
  const tray = { box: null };
  if (works && !document.querySelector(".kept, .pack")) {
    for (const one of document.querySelectorAll("a[data-keep]")) buttons.push(upgraded(one));
    build();
  }

  function upgraded(one) {
    const button = document.createElement("button");
    const name = document.createElement("span");
    name.className = "hidden";
    button.type = "button";
    button.className = one.className || "as-link";
    button.dataset.keep = one.dataset.keep;
    button.dataset.name = one.querySelector(".hidden").textContent.replace(/^[:\s]+/, "");
    button.append(document.createElement("span"), name);
    button.addEventListener("click", () => toggle(button.dataset.keep));
    one.replaceWith(button);
    return button;
  }

  function toggle(id) {
    const ids = read();
    const was = ids.includes(id);
    if (!was && ids.length >= MOST) return say(WORDS.full);
    const next = was ? ids.filter((one) => one !== id) : [...ids, id];
    change(next);
    draw();
    say(was ? WORDS.removed(next.length) : WORDS.added(next.length));
  }

  /* A bar at the foot of the window leads to what was kept; it moves nothing when it comes. */
  function build() {
    tray.box = document.createElement("section");
    tray.box.className = buttons.length ? "tray" : "tray is-narrow";
    tray.box.setAttribute("aria-label", WORDS.list);
    tray.status = document.createElement("p");
    tray.status.setAttribute("role", "status");
    tray.status.dataset.status = "";
    tray.compare = document.createElement("a");
    tray.compare.className = "button";
    tray.compare.textContent = WORDS.compare;
    tray.print = document.createElement("a");
    tray.print.textContent = WORDS.print;
    tray.box.append(tray.status, tray.compare, tray.print);
    document.body.append(tray.box);
  }

  function draw() {
    const ids = read();
    link.setAttribute("href", ids.length ? address(path, ids) : path);
    link.querySelector("[data-count]").textContent = ids.length ? ` (${ids.length})` : "";
    for (const button of buttons) {
      const kept = ids.includes(button.dataset.keep);
      button.classList.toggle("is-kept", kept);
      button.firstChild.textContent = kept ? WORDS.kept : WORDS.keep;
      button.lastChild.textContent = kept ? `: ${WORDS.unkeep(button.dataset.name)}` : `: ${button.dataset.name}`;
    }
    if (tray.box) drawTray(ids);
    if (page) drawPage(ids);
  }

  function drawTray(ids) {
    const more = asked();
    document.documentElement.classList.toggle("has-tray", ids.length > 0);
    tray.status.textContent = ids.length ? WORDS.some(ids.length) : "";
    tray.compare.href = address(path, ids, more);
    const who = new URLSearchParams(more).get("who");
    tray.print.href = address(path.replace("/shortlist", "/first-call"), ids, who ? `&who=${who}` : "");
  }

  function drawPage(ids) {
    const shown = split(page.dataset.shown);
    const same = shown.length === ids.length && shown.every((id) => ids.includes(id));
    const show = (name, visible) => {
      const one = page.querySelector(`[data-${name}]`);
      if (one) one.hidden = !visible;
    };
    show("plain", false);
    show("scripted", true);
    show("keep-all", shown.length > 0 && !same);
    show("forget", ids.length > 0);
  }

  function press(name, action) {
    for (const one of document.querySelectorAll(`[data-${name}]`)) one.addEventListener("click", () => action(one));
  }

  async function copy() {
    const field = page.querySelector("[data-share]");
    try {
      await navigator.clipboard.writeText(field.value);
      say(WORDS.copied);
    } catch {
      field.select();
      say(WORDS.select);
    }
  }

  for (const one of document.querySelectorAll("[data-print]")) one.hidden = false;
  press("print", () => print());

  if (page && works) {
    const held = read();
    const here = new URLSearchParams(location.search).has("ids");
    if (!here && held.length) return location.replace(address(path, held));
    const gone = split(page.dataset.gone);
    if (gone.length) write(held.filter((id) => !gone.includes(id)));
    for (const one of page.querySelectorAll("[data-copy]")) one.hidden = false;
    press("copy", copy);
    press("remove", (one) => change(read().filter((id) => id !== one.dataset.remove)));
    press("keep-all", () => {
      change(split(page.dataset.shown));
      draw();
      say(WORDS.saved);
    });
    press("forget", () => {
      change([]);
      location.assign(path);
    });
  }

  if (!works) return;
  draw();
  navigator.serviceWorker?.addEventListener("controllerchange", () => follow(read()));
  // Another tab may have changed the list, and so may have the page that one comes back from.
  addEventListener("storage", draw);
  addEventListener("pageshow", draw);
})();
