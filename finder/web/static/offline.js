/* Copies for reading without internet: kept when the reader presses the button, removed when the reader says so. */

const CACHES = ["finder-pages", "finder-list", "finder-files"];
const SITE = / – ALL Care Finder$/;
const box = document.querySelector("[data-offline]");
const forget = document.querySelector("[data-forget-all]");
const workers = navigator.serviceWorker; // Missing where a browser keeps nothing, or the page came without encryption.

const registration = () => workers?.getRegistration("/");

function show(within, name, value) {
  for (const one of within.querySelectorAll(`[data-${name}]`)) one.hidden = one.dataset[name] !== value;
}

async function draw() {
  if (box && workers) {
    box.hidden = false;
    show(box, "when", (await registration()) ? "on" : "off");
  }
  await list();
}

/* Ask the worker, and wait until it has done so. */
async function ask(message) {
  const { active } = await workers.ready;
  const { port1, port2 } = new MessageChannel();
  active.postMessage(message, [port2]);
  return new Promise((resolve) => (port1.onmessage = ({ data }) => resolve(data)));
}

const first = () => [...box.dataset.first.split(" "), location.pathname];

async function keep() {
  await workers.register(box.dataset.offline);
  if (!(await ask({ first: first() }))) {
    await drop();
    throw new Error("not kept");
  }
}

/* The worker first, so that nothing is kept again behind our back. */
async function drop() {
  if (workers) for (const one of await workers.getRegistrations()) await one.unregister();
  if ("caches" in window) for (const name of await caches.keys()) await caches.delete(name);
}

function act(name, work, done) {
  const button = box?.querySelector(`[data-do="${name}"]`);
  button?.addEventListener("click", async () => {
    button.disabled = true;
    show(box, "said", "working");
    const said = await work().then(() => done, () => "failed");
    button.disabled = false;
    await draw();
    show(box, "said", said);
    const next = box.querySelector("[data-when]:not([hidden]) button");
    next.focus();
  });
}

function forgetAll() {
  try {
    localStorage.clear();
    sessionStorage.clear();
  } catch {
    /* Where nothing can be kept there is nothing to forget. */
  }
  return drop();
}

/* What is kept, by the names of the pages. */
async function list() {
  const place = document.querySelector("[data-kept]");
  if (!place || !("caches" in window)) return;
  const links = [];
  for (const name of CACHES.slice(0, 2)) if (await caches.has(name)) links.push(...(await linksOf(await caches.open(name))));
  place.hidden = false;
  place.querySelector("[data-none]").hidden = links.length > 0;
  place.querySelector("[data-pages]").replaceChildren(...links);
}

async function linksOf(cache) {
  return Promise.all((await cache.keys()).filter(({ url }) => !url.endsWith("/offline")).map(async (request) => {
    const page = new DOMParser().parseFromString(await (await cache.match(request)).text(), "text/html");
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = request.url;
    link.lang = page.documentElement.lang;
    link.textContent = page.title.replace(SITE, "");
    item.append(link);
    return item;
  }));
}

act("keep", keep, "kept");
act("drop", drop, "dropped");
if (forget) {
  const button = forget.querySelector("button");
  button.hidden = false;
  button.addEventListener("click", async () => {
    await forgetAll();
    await draw();
    show(forget, "said", "forgotten");
  });
}
await draw();
// Copies grow old: where they are kept, the first ones are looked at again, once a day at most.
if (box && workers?.controller && (await registration())) ask({ first: first() });
