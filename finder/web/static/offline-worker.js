"use strict";
/* Keeps copies for a reader who pressed "Keep a copy on this device", and shows them where there is no internet.
   It answers for the addresses below alone. A search is none of them: docs/decisions/offline.md */

const GUIDANCE = /^(\/es)?\/(guidance(\/[\w-]+)?|help|questions|records|offline)$/;
const LISTED = /^(\/es)?\/((shortlist|first-call)(\?ids=[\w,-]+)?|(centers|specialists)\/[\w-]+)$/;
const HOME = /^(\/es)?\/$/;
const FILE = /^\/static\/\w+\/([\w./-]+)$/;
const LOADED = /"(\/static\/[^"]+)"/g;
const UNSEEN = ["/search", "/es/search", "/shared-care", "/es/shared-care", "/suggest", "/api/*", "/admin*", "/report/*", "/es/report/*"];

const PAGES = "finder-pages"; // Guidance: what the button names, and what was opened since.
const LIST = "finder-list"; // The reader's list, exactly as its page says.
const FILES = "finder-files"; // What these pages load, the newest of each name.
const ALL = [PAGES, LIST, FILES];

const PATIENCE = 5000; // Milliseconds that a page with a copy may take.
const FRESH = 86400000; // A copy of the last day is not fetched again unasked.
const WORDS = {
  en: ["You are offline, or this site cannot be reached.", "This copy is from", "This page is not among the copies on this device."],
  es: ["No hay internet, o no se puede llegar a este sitio.", "Esta copia es del", "Esta página no está entre las copias de este aparato."],
};

const nameOf = (path) => FILE.exec(path)[1];
const dateOf = (copy) => new Date(copy.headers.get("Date"));
const copyOf = async (address) => (await caches.match(address, { cacheName: PAGES })) ?? caches.match(address, { cacheName: LIST });

/* Only into a cache that is there: once the reader forgot everything, what is still under way keeps nothing. */
async function put(name, address, answer) {
  if (!answer.ok || answer.redirected || !(await caches.has(name))) return;
  const html = await answer.clone().text();
  await (await caches.open(name)).put(address, answer);
  await Promise.all([...html.matchAll(LOADED)].map(([, path]) => putFile(path)));
}

async function putFile(path) {
  const held = await caches.match(nameOf(path), { cacheName: FILES });
  if (held?.url.endsWith(path)) return;
  const answer = await fetch(path);
  if (answer.ok && (await caches.has(FILES))) await (await caches.open(FILES)).put(nameOf(path), answer);
}

/* The network first; where it fails, or takes too long, the copy. */
async function page(event, address) {
  const copy = await copyOf(address);
  try {
    const asked = fetch(event.request);
    const late = new Promise((_, give) => copy && setTimeout(give, PATIENCE));
    const answer = await Promise.race([asked, late]);
    if (answer.status < 500 || !copy) {
      const name = GUIDANCE.test(address) ? PAGES : LIST;
      if (copy || name === PAGES) event.waitUntil(put(name, address, answer.clone()));
      return answer;
    }
  } catch {}
  return copy ? said(copy, true) : instead(address);
}

async function instead(address) {
  const [english, spanish] = [await copyOf("/offline"), await copyOf("/es/offline")];
  const page = address.startsWith("/es/") ? (spanish ?? english) : (english ?? spanish);
  return page ? said(page, false) : Response.error();
}

async function said(copy, wanted) {
  const html = await copy.text();
  const lang = /<html lang="(\w+)"/.exec(html)[1];
  const [offline, from, missing] = WORDS[lang];
  const day = dateOf(copy).toLocaleDateString(`${lang}-US`, { dateStyle: "long" });
  const line = `<p class="notice" role="status" data-copy>${offline} ${wanted ? `${from} ${day}.` : missing}</p>`;
  return new Response(html.replace(/<main[^>]*>/, `$&${line}`), { headers: copy.headers });
}

async function file(request) {
  try {
    return await fetch(request);
  } catch {
    const path = new URL(request.url).pathname;
    return (await caches.match(nameOf(path), { cacheName: FILES })) ?? Response.error();
  }
}

/* {first: addresses} begins to keep, and keeps these; {keep: addresses} is the whole list, and what left it is dropped. */
async function obey({ data, ports: [back] }) {
  try {
    if (data.first) await keepFirst(data.first.filter((address) => GUIDANCE.test(address)));
    if (data.keep) await keepList(data.keep.filter((address) => LISTED.test(address)));
    back?.postMessage(true);
  } catch {
    back?.postMessage(false);
  }
}

const begin = () => Promise.all(ALL.map((name) => caches.open(name)));

async function keepFirst(addresses) {
  await begin();
  for (const address of addresses) {
    const copy = await copyOf(address);
    if (!copy || Date.now() - dateOf(copy) > FRESH) await put(PAGES, address, await fetch(address));
  }
}

async function keepList(addresses) {
  if (!(await caches.has(LIST))) return;
  const cache = await caches.open(LIST);
  for (const { url } of await cache.keys()) if (!addresses.some((one) => url === location.origin + one)) await cache.delete(url);
  for (const address of addresses) if (!(await cache.match(address))) await put(LIST, address, await fetch(address));
}

addEventListener("install", (event) => {
  event.waitUntil(begin().then(() => skipWaiting()));
  // Where the browser offers it, a search does not even wake this program.
  event.addRoutes?.(UNSEEN.map((pathname) => ({ condition: { urlPattern: { pathname } }, source: "network" })));
});
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("message", (event) => event.waitUntil(obey(event)));
addEventListener("fetch", (event) => {
  const { method, mode, url } = event.request;
  const { origin, pathname, search } = new URL(url);
  if (method !== "GET" || origin !== location.origin) return;
  const address = pathname + search;
  if (FILE.test(address)) event.respondWith(file(event.request));
  else if (mode === "navigate" && [GUIDANCE, LISTED, HOME].some((kind) => kind.test(address))) event.respondWith(page(event, address));
});
