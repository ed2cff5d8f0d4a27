/* The record keeper. What is written stays on the page, and in this browser only if the reader wants it; nothing is sent. */

import { all, day, forget, helpLines, hush, inWords, keep, kept, make, onReturn, one, save, say, words } from "./device.js";

const WORDS = words({
  en: {
    tooLarge: "This file is too large to be a file of this page. Nothing was changed.",
    foreign: "This is not a file that was saved here. Nothing was changed.",
    newer: "This file was saved by a newer form of this page. Load the page anew, then try again. Nothing was changed.",
    broken: "This file is damaged. Nothing was changed.",
    unread: "This file could not be read. Nothing was changed.",
    opened: (name) => `Opened ${name}.`,
    left: (count) => `Entries in it that have no place here and were left out: ${count}.`,
    saved: "Saved as a file on this device. Keep it in a safe place.",
    keeping: "From now on, what you write stays in this browser.",
    notKeeping: "This browser no longer keeps what you write.",
    notKept: "This browser does not keep anything. Save a file before you leave.",
    forgotten: "Everything is forgotten.",
    removed: "Removed.",
    back: "It is back.",
    full: "There is no room for more of these.",
    remove: "Remove",
    of: (have, count) => `${have} of ${count}`,
    filled: "(started)",
    have: "I have it",
    missing: "Not ticked yet",
    nothing: "Nothing is written down yet.",
    safe: "These pages hold health data. Keep them in a safe place.",
    file: "records",
  },
  es: {
    tooLarge: "Este archivo es demasiado grande para ser de esta página. No se cambió nada.",
    foreign: "Este archivo no se guardó aquí. No se cambió nada.",
    newer: "Este archivo es de una versión más nueva de esta página. Vuelva a cargar la página y pruebe otra vez. No se cambió nada.",
    broken: "Este archivo está dañado. No se cambió nada.",
    unread: "No se pudo leer este archivo. No se cambió nada.",
    opened: (name) => `Se abrió ${name}.`,
    left: (count) => `Datos del archivo que no tienen lugar aquí y se dejaron fuera: ${count}.`,
    saved: "Guardado como archivo en este aparato. Guárdelo en un lugar seguro.",
    keeping: "Desde ahora, lo que escriba se queda en este navegador.",
    notKeeping: "Este navegador ya no guarda lo que escribe.",
    notKept: "Este navegador no guarda nada. Guarde un archivo antes de salir.",
    forgotten: "Se borró todo.",
    removed: "Se quitó.",
    back: "Está de vuelta.",
    full: "Ya no caben más.",
    remove: "Quitar",
    of: (have, count) => `${have} de ${count}`,
    filled: "(empezado)",
    have: "Lo tengo",
    missing: "Sin marcar todavía",
    nothing: "Todavía no hay nada escrito.",
    safe: "Estas hojas contienen datos de salud. Guárdelas en un lugar seguro.",
    file: "expediente",
  },
});

const KEY = "records";
const FORMAT = "all-care-finder/records";
const VERSION = 1;
const LARGEST_FILE = 1_000_000; // bytes
const LONGEST_TEXT = 2_000;
const MOST_ROWS = 60;
const BLANK_ROWS = 3; // on paper

const switchOn = one("[data-keep-here]");
const problem = one("[data-error]");
const paper = one("[data-paper]");
const items = new Map(all("[data-item]").map((item) => [item.dataset.item, item]));
const rowsOf = (item) => all(".row", item);
const fieldsOf = (row) => all("[data-field]", row);
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
let unsaved = false;
let added = 0; // rows that were added, for ids that no two share

/* From the page to data and back */

function collect() {
  const records = {};
  for (const [id, item] of items) {
    const rows = rowsOf(item).map(written).filter((row) => Object.keys(row).length);
    const have = one("[data-have]", item).checked;
    if (have || rows.length) records[id] = { have, rows };
  }
  return records;
}

function written(row) {
  const filled = fieldsOf(row).filter((field) => field.value.trim());
  return Object.fromEntries(filled.map((field) => [field.dataset.field, field.value.trim()]));
}

function fill(records) {
  for (const [id, item] of items) {
    const { have, rows } = records[id] ?? { have: false, rows: [] };
    one("[data-have]", item).checked = have;
    for (const extra of rowsOf(item).slice(1)) extra.remove();
    while (rowsOf(item).length < rows.length) addRow(item);
    rowsOf(item).forEach((row, number) => {
      for (const field of fieldsOf(row)) field.value = rows[number]?.[field.dataset.field] ?? "";
    });
  }
  draw();
}

function addRow(item) {
  const first = one(".row", item);
  const row = first.cloneNode(true);
  const number = rowsOf(item).length + 1;
  added += 1;
  for (const field of fieldsOf(row)) {
    const label = one(`[for="${field.id}"]`, row);
    label.htmlFor = field.id = `${field.id}-${added}`;
    field.value = "";
  }
  const remove = make("button", { type: "button", class: "as-link", "data-remove": "" }, WORDS.remove);
  row.append(remove);
  row.setAttribute("role", "group");
  row.setAttribute("aria-label", `${titleOf(item)}, ${number}`);
  remove.setAttribute("aria-label", `${WORDS.remove}: ${titleOf(item)}, ${number}`);
  one(".rows", item).append(row);
  return row;
}

const titleOf = (item) => one(".choice span", item).textContent;

function draw() {
  for (const group of all(".group")) {
    const boxes = all("[data-have]", group);
    const have = boxes.filter((box) => box.checked).length;
    one("[data-count]", group).textContent = have ? WORDS.of(have, boxes.length) : String(boxes.length);
  }
  for (const item of items.values()) {
    one("[data-filled]", item).textContent = rowsOf(item).some((row) => Object.keys(written(row)).length) ? WORDS.filled : "";
  }
}

/* A file that was saved here: its text to records, or the message why not. Whatever it holds, it is only ever text. */

function read(text) {
  let file;
  try {
    file = JSON.parse(text);
  } catch {
    return { error: WORDS.foreign };
  }
  if (!isObject(file) || file.format !== FORMAT || !isObject(file.records)) return { error: WORDS.foreign };
  if (file.version !== VERSION) return { error: file.version > VERSION ? WORDS.newer : WORDS.broken };
  const entries = Object.entries(file.records);
  if (!entries.every(([, record]) => isRecord(record))) return { error: WORDS.broken };
  const known = entries.filter(([id, record]) => items.has(id) && fits(items.get(id), record));
  if (entries.length && !known.length) return { error: WORDS.broken };
  return { records: Object.fromEntries(known), left: entries.length - known.length };
}

function isRecord(record) {
  return isObject(record) && typeof record.have === "boolean" && Array.isArray(record.rows) && record.rows.every(isRow);
}

function isRow(row) {
  return isObject(row) && Object.values(row).every((value) => typeof value === "string" && value.length <= LONGEST_TEXT);
}

function fits(item, record) {
  const fields = new Map(fieldsOf(one(".row", item)).map((field) => [field.dataset.field, field]));
  const isDate = (value) => /^\d{4}-\d\d-\d\d$/.test(value) && !Number.isNaN(Date.parse(value));
  const most = "many" in item.dataset ? MOST_ROWS : 1;
  return (
    record.rows.length <= most &&
    record.rows.every((row) =>
      Object.entries(row).every(([name, value]) => fields.has(name) && (fields.get(name).type !== "date" || isDate(value))),
    )
  );
}

const asFile = () => ({ format: FORMAT, version: VERSION, saved_on: day(), records: collect() });

async function open(file) {
  const refuse = (message) => {
    hush();
    problem.textContent = message;
  };
  problem.textContent = "";
  if (!file) return;
  if (file.size > LARGEST_FILE) return refuse(WORDS.tooLarge);
  let text;
  try {
    text = await file.text();
  } catch {
    return refuse(WORDS.unread);
  }
  const { error, records, left } = read(text);
  if (error) return refuse(error);
  replace(records, [WORDS.opened(file.name), left ? WORDS.left(left) : ""].join(" ").trim());
  unsaved = false;
}

/* Put other records into the page, which "Undo" takes back. */
function replace(records, message) {
  const before = { records: collect(), keeping: switchOn.checked, unsaved };
  fill(records);
  store();
  say(message, () => {
    switchOn.checked = before.keeping;
    fill(before.records);
    store();
    unsaved = before.unsaved;
    say(WORDS.back);
    one("#keep-title").focus();
  });
}

function store() {
  if (switchOn.checked && !keep(KEY, asFile())) {
    switchOn.checked = false;
    say(WORDS.notKept);
  }
  if (!switchOn.checked) forget(KEY);
}

function restore() {
  const was = kept(KEY);
  switchOn.checked = Boolean(was);
  if (was) fill(read(JSON.stringify(was)).records ?? {});
  else if (unsaved) draw();
  else fill({});
}

/* On paper, and as a page to read: the same pieces, filled or empty */

function report() {
  const records = collect();
  const groups = all(".group").map((group) => {
    const found = all("[data-item]", group).filter((item) => records[item.dataset.item]);
    return found.length ? [make("h2", {}, one("h2", group).textContent), ...found.map((item) => told(item, records[item.dataset.item]))] : [];
  });
  const missing = [...items].filter(([id, item]) => !records[id]?.have).map(([, item]) => make("li", {}, titleOf(item)));
  return [
    make("p", { class: "safe" }, WORDS.safe),
    ...(groups.flat().length ? groups.flat() : [make("p", {}, WORDS.nothing)]),
    ...(missing.length ? [make("h2", {}, WORDS.missing), make("ul", { class: "missing" }, ...missing)] : []),
  ];
}

function told(item, record) {
  const head = make("h3", {}, titleOf(item), ...(record.have ? [make("span", { class: "have" }, `✓ ${WORDS.have}`)] : []));
  return make("section", {}, head, ...(record.rows.length ? [table(item, record.rows)] : []));
}

function table(item, rows) {
  const fields = fieldsOf(one(".row", item));
  const used = fields.filter((field) => rows.some((row) => row[field.dataset.field]));
  const cell = (field, row) => {
    const value = row[field.dataset.field] ?? "";
    return value && field.type === "date" ? inWords(value) : value;
  };
  if (!("many" in item.dataset)) {
    return make("dl", {}, ...used.flatMap((field) => [make("dt", {}, labelOf(field)), make("dd", {}, cell(field, rows[0]))]));
  }
  return grid(used, rows.map((row) => used.map((field) => cell(field, row))));
}

function grid(fields, rows) {
  const head = make("tr", {}, ...fields.map((field) => make("th", { scope: "col" }, labelOf(field))));
  const body = rows.map((row) => make("tr", {}, ...row.map((text) => make("td", {}, text))));
  return make("table", {}, make("thead", {}, head), make("tbody", {}, ...body));
}

const labelOf = (field) => one(`label[for="${field.id}"]`).textContent;

function blank() {
  return all(".group").flatMap((group) => [make("h2", {}, one("h2", group).textContent), ...all("[data-item]", group).map(toFill)]);
}

function toFill(item) {
  const fields = fieldsOf(one(".row", item));
  const head = make("h3", { class: "to-tick" }, titleOf(item));
  const empty = Array.from({ length: BLANK_ROWS }, () => fields.map(() => ""));
  if ("many" in item.dataset) return make("section", { class: "to-fill" }, head, grid(fields, empty));
  const lines = fields.map((field) => make("p", { class: field.type === "textarea" ? "to-write wide-line" : "to-write" }, labelOf(field)));
  return make("section", { class: "to-fill" }, head, make("div", { class: "to-write-row" }, ...lines));
}

const STYLE = `body{font:1rem/1.5 system-ui,sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem;overflow-wrap:break-word}
footer{margin-top:2rem;border-top:1px solid}h1,h2,h3{line-height:1.2}h2{margin-top:2rem;border-bottom:1px solid}h3{margin-bottom:.25rem}.have{font-weight:400;margin-left:.75rem}
.safe{border-left:4px solid;padding-left:.75rem}dl{display:grid;grid-template-columns:minmax(6rem,14rem) 1fr;gap:.25rem 1rem;margin:0}
dt{font-weight:600}dd{margin:0;white-space:pre-wrap}table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #999;overflow-wrap:anywhere}`;

function asPage() {
  const title = `${one("h1").textContent}, ${inWords(day())}`;
  const foot = make("ul", {}, ...helpLines().map((line) => make("li", {}, line)));
  const main = make("main", {}, make("h1", {}, title), ...report());
  const body = make("body", {}, main, make("footer", {}, foot));
  const head = `<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title><style>${STYLE}</style>`;
  return `<!doctype html>\n<html lang="${document.documentElement.lang}"><head>${head}</head>\n${body.outerHTML}</html>\n`;
}

/* What is pressed */

const isEmpty = () => !Object.keys(collect()).length;
let printing = "";

function prepare() {
  document.documentElement.classList.add("has-paper");
  const filled = printing ? printing === "filled" : !isEmpty();
  paper.className = filled ? "paper filled" : "paper empty";
  paper.replaceChildren(...(filled ? report() : blank()));
}

const DO = {
  save: () => {
    save(`${WORDS.file}-${day()}.json`, "application/json", JSON.stringify(asFile(), null, 1));
    unsaved = false;
    say(WORDS.saved);
  },
  page: () => {
    save(`${WORDS.file}-${day()}.html`, "text/html", asPage());
    say(WORDS.saved);
  },
  print: () => {
    printing = "filled";
    print();
  },
  "print-empty": () => {
    printing = "empty";
    print();
  },
  forget: () => {
    const keeping = switchOn.checked;
    problem.textContent = "";
    replace({}, WORDS.forgotten);
    switchOn.checked = false;
    forget(KEY);
    unsaved = false;
    one("[data-undo]").focus();
  },
};

for (const [name, act] of Object.entries(DO)) one(`[data-do="${name}"]`).addEventListener("click", act);
one("[data-open]").addEventListener("change", async (event) => {
  await open(event.target.files[0]);
  event.target.value = ""; // so that the same file can be opened again
});
switchOn.addEventListener("change", () => {
  say(switchOn.checked ? WORDS.keeping : WORDS.notKeeping);
  store();
});
one("#records").addEventListener("input", (event) => {
  if (!event.target.matches("[data-have], [data-field]")) return;
  unsaved = true;
  hush();
  store();
  draw();
});
one("#records").addEventListener("click", (event) => {
  const item = event.target.closest("[data-item]");
  if (event.target.matches("[data-add]")) {
    if (rowsOf(item).length >= MOST_ROWS) return say(WORDS.full);
    fieldsOf(addRow(item))[0].focus();
  }
  if (event.target.matches("[data-remove]")) {
    const records = collect();
    const number = rowsOf(item).indexOf(event.target.closest(".row"));
    const others = rowsOf(item).filter((_row, other) => other !== number).map(written);
    replace({ ...records, [item.dataset.item]: { have: one("[data-have]", item).checked, rows: others } }, WORDS.removed);
    one("[data-add]", item).focus();
  }
});
addEventListener("beforeprint", prepare);
addEventListener("afterprint", () => (printing = ""));
addEventListener("beforeunload", (event) => {
  if (unsaved && !switchOn.checked && !isEmpty()) event.preventDefault();
});

onReturn(KEY, restore);
restore();
