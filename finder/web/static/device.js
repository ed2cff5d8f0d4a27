/* What both tools do with the reader's device: keep, save, copy, say. Nothing here asks the network for anything. */

const LANGUAGE = document.documentElement.lang;

export const words = (table) => table[LANGUAGE];
export const one = (selector, within = document) => within.querySelector(selector);
export const all = (selector, within = document) => [...within.querySelectorAll(selector)];

/* An element with its attributes and children; a text never becomes HTML. */
export function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/* Some browsers refuse storage: then nothing is kept, and `keep` says so. */
export function keep(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

export function kept(key) {
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    return null;
  }
}

export function forget(key) {
  try {
    localStorage.removeItem(key);
  } catch {
    /* Where nothing can be kept there is nothing to forget. */
  }
}

/* Another tab, the other language, or the way back may show what is no longer so; and on the way back browsers tick again
   what was ticked before. */
export function onReturn(key, restore) {
  addEventListener("storage", (event) => (event.key === key || event.key === null) && restore());
  addEventListener("pageshow", restore);
}

/* The date where the reader is, as 2026-11-24 and in words. */
export function day() {
  const now = new Date();
  const two = (number) => String(number).padStart(2, "0");
  return `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
}

export function inWords(iso) {
  const date = new Date(`${iso}T12:00:00`);
  return date.toLocaleDateString(LANGUAGE === "es" ? "es-US" : "en-US", { year: "numeric", month: "long", day: "numeric" });
}

export function save(name, type, text) {
  const address = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60000);
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyOld(text);
  }
}

function copyOld(text) {
  const before = document.activeElement;
  const field = make("textarea", { class: "hidden", readonly: "" });
  field.value = text;
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  before.focus();
  return done;
}

/* The help lines that stand at the end of every print, for what is saved as a file. */
export const helpLines = () => all(".print-foot li").map((line) => line.textContent.trim());

const told = one("[data-told]");
const undo = one("[data-undo]");
let back = null;

/* Say what was done; `undone` is what "Undo" does, if it can be undone. */
export function say(message, undone = null) {
  told.hidden = false;
  one("[data-message]").textContent = message;
  back = undone;
  undo.hidden = !undone;
}

export function hush() {
  told.hidden = true;
  back = null;
}

undo.addEventListener("click", () => {
  const undone = back;
  hush();
  undone();
});
one("[data-close]").addEventListener("click", () => {
  hush();
  one("h2[tabindex]").focus();
});

/* The way to the list is shown until one is there. */
const dock = one(".dock");
new IntersectionObserver(([side]) => dock.classList.toggle("is-there", side.isIntersecting)).observe(one(".tool-side"));

for (const place of all("[data-today]")) place.textContent = inWords(day());
