/* The question builder. The list is kept in this browser only; nothing is sent. */

import { all, copy, day, forget, helpLines, hush, inWords, keep, kept, make, onReturn, one, save, say, words } from "./device.js";

const WORDS = words({
  en: {
    added: "Added.",
    again: "This question is already there.",
    moved: (place, count) => `Now number ${place} of ${count}.`,
    removed: "Removed.",
    forgotten: "All is forgotten.",
    back: "It is back.",
    copied: "Copied. You can paste it into a message or a note.",
    notCopied: "Copying did not work here. Save a file instead.",
    saved: "Saved as a file on this device.",
    notKept: "This browser does not keep your questions. Print or save them before you leave.",
    up: "Move up",
    down: "Move down",
    remove: "Remove",
    printAll: "Print all questions",
    print: "Print chosen questions",
    of: (chosen, count) => `${chosen} of ${count}`,
    file: "questions",
  },
  es: {
    added: "Agregada.",
    again: "Esa pregunta ya está.",
    moved: (place, count) => `Ahora es la número ${place} de ${count}.`,
    removed: "Se quitó.",
    forgotten: "Se borró todo.",
    back: "Está de vuelta.",
    copied: "Copiado. Puede pegarlo en un mensaje o una nota.",
    notCopied: "Aquí no se pudo copiar. Guarde un archivo.",
    saved: "Guardado como archivo en este aparato.",
    notKept: "Este navegador no guarda sus preguntas. Imprímalas o guárdelas antes de salir.",
    up: "Subir",
    down: "Bajar",
    remove: "Quitar",
    printAll: "Imprimir todas las preguntas",
    print: "Imprimir las elegidas",
    of: (chosen, count) => `${chosen} de ${count}`,
    file: "preguntas",
  },
});

const KEY = "questions";
const EDITION = one("#questions").dataset.edition;
const boxes = new Map(all(".situation input").map((box) => [box.id, box]));
const textOf = (box) => box.nextElementSibling.textContent;
const field = one("#own");
const place = one("[data-list]");
const paper = one("[data-paper]");
let list = []; // What is chosen, in order: {id, text}. The id is that of a question on the page, or one's own.

function ownId() {
  const numbers = list.map((entry) => Number(/^own-(\d+)$/.exec(entry.id)?.[1] ?? 0));
  return `own-${Math.max(0, ...numbers) + 1}`;
}

const isEntry = (one) => typeof one?.id === "string" && typeof one.text === "string";

/* What was kept may come from the other language, or from before a question on the page was changed. Then its words
   count: they are found on the page, or become a question of one's own. */
function restore() {
  const was = kept(KEY);
  list = [];
  for (const { id, text } of Array.isArray(was?.list) ? was.list.filter(isEntry) : []) {
    const box = was.edition === EDITION ? boxes.get(id) : [...boxes.values()].find((other) => textOf(other) === text);
    const entry = box ? { id: box.id, text: textOf(box) } : { id: ownId(), text };
    if (!list.some((other) => other.id === entry.id)) list.push(entry);
  }
  draw();
}

function change(next) {
  hush();
  list = next;
  if (!list.length) forget(KEY);
  else if (!keep(KEY, { edition: EDITION, list })) say(WORDS.notKept);
  draw();
}

function draw() {
  const chosen = new Set(list.map((entry) => entry.id));
  for (const [id, box] of boxes) box.checked = chosen.has(id);
  for (const situation of all(".situation")) {
    const [count, ticked] = [all("input", situation).length, all("input:checked", situation).length];
    one("[data-count]", situation).textContent = ticked ? WORDS.of(ticked, count) : String(count);
  }
  for (const total of all("[data-total]")) total.textContent = list.length ? `(${list.length})` : "";
  for (const button of all("[data-needs-list], [data-to-list]")) button.hidden = !list.length;
  one("[data-empty]").hidden = list.length > 0;
  one('[data-do="print"]').textContent = list.length ? WORDS.print : WORDS.printAll;
  place.replaceChildren(...list.map(row));
  document.documentElement.classList.toggle("has-paper", list.length > 0);
  const room = linesEach();
  paper.replaceChildren(...list.map((entry) => make("li", {}, make("p", {}, entry.text), ...lines(room))));
}

function row(entry, number) {
  const button = (name, sign, off) => {
    const made = make("button", { type: "button", class: "button quiet", "data-row": name, "aria-label": `${WORDS[name]}: ${entry.text}` }, sign);
    made.disabled = off;
    return made;
  };
  const buttons = [button("up", "↑", !number), button("down", "↓", number === list.length - 1), button("remove", WORDS.remove, false)];
  return make("li", { "data-id": entry.id }, make("span", { class: "chosen-text" }, entry.text), make("span", { class: "chosen-do" }, ...buttons));
}

/* How many lines to write on each question gets, so that all stand on one page if that can be. In millimeters: a page has
   180 for questions; 70 signs of a question are a line of 6; between two questions are 4; a line to write on takes 9. */
function linesEach() {
  const taken = list.reduce((sum, entry) => sum + 6 * Math.ceil(entry.text.length / 70) + 4, 0);
  return Math.max(1, Math.min(5, Math.floor((180 - taken) / (9 * list.length))));
}

const lines = (count) => Array.from({ length: count }, () => make("div", { class: "line" }));

function add() {
  const text = field.value.trim().replace(/\s+/g, " ");
  if (!text) return field.focus();
  const known = list.some((entry) => entry.text === text);
  if (!known) change([...list, { id: ownId(), text }]);
  say(known ? WORDS.again : WORDS.added);
  field.value = "";
  field.focus();
}

function move(number, by) {
  const next = [...list];
  const [entry] = next.splice(number, 1);
  next.splice(number + by, 0, entry);
  change(next);
  say(WORDS.moved(number + by + 1, list.length));
  const buttons = all("[data-row]", place.children[number + by]);
  const wanted = buttons[by < 0 ? 0 : 1];
  (wanted.disabled ? buttons[by < 0 ? 1 : 0] : wanted).focus();
}

function withUndo(next, message) {
  const before = list;
  change(next);
  say(message, () => {
    change(before);
    say(WORDS.back);
    one("#list-title").focus();
  });
}

function remove(number) {
  withUndo(list.filter((_entry, other) => other !== number), WORDS.removed);
  const next = place.children[Math.min(number, list.length - 1)];
  (next ? one('[data-row="remove"]', next) : one("#list-title")).focus();
}

function asText() {
  const asked = list.map((entry, number) => `${number + 1}. ${entry.text}\n   \n`);
  return [`${one("h1").textContent}, ${inWords(day())}`, "", ...asked, ...helpLines(), ""].join("\n");
}

const DO = {
  add,
  print: () => print(),
  copy: async () => say((await copy(asText())) ? WORDS.copied : WORDS.notCopied),
  save: () => {
    save(`${WORDS.file}-${day()}.txt`, "text/plain", asText());
    say(WORDS.saved);
  },
  forget: () => {
    withUndo([], WORDS.forgotten);
    one("[data-undo]").focus();
  },
};

for (const [name, act] of Object.entries(DO)) one(`[data-do="${name}"]`).addEventListener("click", act);
for (const [id, box] of boxes) {
  box.addEventListener("change", () =>
    change(box.checked ? [...list, { id, text: textOf(box) }] : list.filter((entry) => entry.id !== id)),
  );
}
field.addEventListener("keydown", (event) => event.key === "Enter" && !event.isComposing && add());
place.addEventListener("click", (event) => {
  const button = event.target.closest("[data-row]");
  if (!button) return;
  const number = [...place.children].indexOf(button.closest("li"));
  if (button.dataset.row === "remove") remove(number);
  else move(number, button.dataset.row === "up" ? -1 : 1);
});

/* Printed without a list, the page is a form with all questions: what is folded must open for it. */
let folded = [];
addEventListener("beforeprint", () => {
  folded = all(".fold:not([open])");
  for (const fold of folded) fold.open = true;
});
addEventListener("afterprint", () => {
  for (const fold of folded) fold.open = false;
});

onReturn(KEY, restore);
restore();
