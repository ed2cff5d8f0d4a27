"use strict";
/* Draws the map: outlines from our own files, pins from the page's data. Texts reach the page as text only. */

(function () {
  if (!window.L) {
    document.querySelector(".map").hidden = true; // The list is complete without the map.
    window.finderMap = () => {};
    return;
  }

  const WORDS = {
    en: {
      map: "Map of the list. Pins have the numbers of the list.",
      layers: { centers: "Center", specialists: "Specialist" },
      searched: "The place you searched: ",
      several: (count) => `${count} here`,
      together: (count) => `${count} close together`,
      toList: "See it in the list",
      outlines: "Outlines: US Census Bureau. Names: GeoNames.",
      zoomIn: "Zoom in",
      zoomOut: "Zoom out",
    },
    es: {
      map: "Mapa de la lista. Los marcadores llevan los números de la lista.",
      layers: { centers: "Centro", specialists: "Especialista" },
      searched: "El lugar que buscó: ",
      several: (count) => `${count} aquí`,
      together: (count) => `${count} muy cerca entre sí`,
      toList: "Ver en la lista",
      outlines: "Contornos: Oficina del Censo de EE. UU. Nombres: GeoNames.",
      zoomIn: "Acercar",
      zoomOut: "Alejar",
    },
  }[document.documentElement.lang];
  // The two layers differ in shape, not in color alone. Each path ends in a tip at the place that it marks.
  const SHAPES = {
    centers: [32, "M6 1H26A5 5 0 0 1 31 6V24A5 5 0 0 1 26 29H21L16 37L11 29H6A5 5 0 0 1 1 24V6A5 5 0 0 1 6 1Z"],
    specialists: [32, "M16 1A14.5 14.5 0 0 1 22 28.8L16 37L10 28.8A14.5 14.5 0 0 1 16 1Z"],
    several: [60, "M14 2H46A13 13 0 0 1 46 28H36L30 37L24 28H14A13 13 0 0 1 14 2Z"],
  };
  const PIN = { target: 44, height: 38, middle: 20 }; // Pixels; a finger needs 44.
  const CLOSEST = 16;
  const COUNTIES_FROM = 7; // Loaded only when the reader zooms in, not with the first view.
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const touch = matchMedia("(pointer: coarse)").matches;

  // Leaflet reads these when the map is made, which is after this file.
  L.Control.Zoom.mergeOptions({ zoomInTitle: WORDS.zoomIn, zoomOutTitle: WORDS.zoomOut });
  L.Map.mergeOptions({
    minZoom: 2,
    maxZoom: CLOSEST,
    zoomAnimation: !still,
    fadeAnimation: !still,
    markerZoomAnimation: !still,
    inertia: !still,
    dragging: !touch, // One finger scrolls the page until the reader asks for the map; two fingers move the map.
  });
  if (still) {
    const panBy = L.Map.prototype.panBy;
    L.Map.include({
      panBy(offset, options) {
        return panBy.call(this, offset, { ...options, animate: false });
      },
    });
  }

  window.finderMap = function (map) {
    const container = map.getContainer();
    const section = container.closest(".map");
    const { tileUrl, tileAttribution } = section.dataset;
    const data = JSON.parse(document.getElementById("map-data").textContent);
    const place = data.place;
    const home = (place || data.pins[0] || { lon: -98 }).lon;
    const pins = data.pins.map((pin) => ({ ...pin, lon: nearTo(home, pin.lon) }));
    const near = pins.filter((pin) => place && map.distance(pin, place) <= place.radius_m * 1.01);

    container.setAttribute("role", "group");
    container.setAttribute("aria-label", WORDS.map);
    section.classList.add("is-drawn");
    const farther = near.length && near.length < pins.length ? () => show(map, place, pins) : null;
    foot(map, section.querySelector(".map-foot"), data, tileUrl ? tileAttribution : WORDS.outlines, farther);
    show(map, place, near.length ? near : pins);
    L.control.scale({ metric: false, maxWidth: 100 }).addTo(map);
    const layer = pinLayer(map, pins);
    const own = place ? [searched(map, place)] : [];
    map.createPane("names").style.zIndex = 450;
    if (tileUrl) {
      L.tileLayer(tileUrl).addTo(map);
      names(map, own, layer);
    } else {
      nearlySeen(section)
        .then(() => outlines(map, section.dataset, home))
        .then((ranked) => names(map, [...own, ...ranked], layer));
    }
    joinWithList(section, layer);
    map.on("click", () => map.scrollWheelZoom.enable());
    container.addEventListener("pointerleave", () => map.scrollWheelZoom.disable());
  };

  /* The ground is the heavy part: a phone that shows the list first draws it when the reader comes near. */
  function nearlySeen(section) {
    return new Promise((resolve) => {
      const watch = new IntersectionObserver(
        (seen) => {
          if (!seen.some((one) => one.isIntersecting)) return;
          watch.disconnect();
          resolve();
        },
        { rootMargin: "300px" },
      );
      watch.observe(section);
    });
  }

  /* The same meridian, written so that it lies within half a turn of another one: from Guam, Hawaii is to the east. */
  function nearTo(home, longitude) {
    return longitude + 360 * Math.round((home - longitude) / 360);
  }

  function show(map, place, pins) {
    const points = [...pins, ...(place ? [place] : [])].map((point) => [point.lat, point.lon]);
    if (!points.length) return;
    const room = { paddingTopLeft: [44, 52], paddingBottomRight: [44, 28] };
    map.fitBounds(points, { ...room, maxZoom: points.length === 1 ? 9 : 10, animate: false });
  }

  /* The row under the map: what the shapes mean, what a reader may ask for, and whose the outlines are. */
  function foot(map, row, data, attribution, farther) {
    const used = new Set(data.pins.map((pin) => pin.layer));
    if (data.place) used.add("searched");
    for (const item of row.querySelectorAll("[data-map-key]")) item.hidden = !used.has(item.dataset.mapKey);
    row.querySelector(".map-key").hidden = used.size < 2;
    offer(map, row.querySelector("[data-map-all]"), farther);
    offer(map, row.querySelector("[data-map-use]"), touch ? () => map.dragging.enable() : null);
    row.append(L.control.attribution({ prefix: false }).addTo(map).addAttribution(attribution).getContainer());
    map.invalidateSize();
  }

  function offer(map, button, act) {
    button.hidden = !act;
    button.addEventListener("click", () => {
      act();
      button.hidden = true;
      map.getContainer().focus({ preventScroll: true });
    });
  }

  function searched(map, place) {
    if (place.radius_m) {
      L.circle([place.lat, place.lon], { radius: place.radius_m, className: "reach", interactive: false }).addTo(map);
    }
    const svg = drawn("svg", { viewBox: "-15 -15 30 30", "aria-hidden": "true" });
    svg.append(drawn("path", { d: "M-9 0H9M0 -9V9", class: "rim" }), drawn("path", { d: "M-9 0H9M0 -9V9" }));
    const icon = L.divIcon({ className: "searched", html: svg, iconSize: [30, 30] });
    const mark = L.marker([place.lat, place.lon], { icon, interactive: false, keyboard: false }).addTo(map);
    mark.getElement().setAttribute("role", "img");
    mark.getElement().setAttribute("aria-label", WORDS.searched + place.label);
    return { name: place.label, at: [place.lat, place.lon], kind: "searched" };
  }

  function drawn(name, attributes) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
    return element;
  }

  function written(name, text, attributes = {}) {
    const element = document.createElement(name);
    element.textContent = text;
    return Object.assign(element, attributes);
  }

  /* The ground: states, counties when zoomed in, and names. */

  /* Draws the ground and promises what has a name on it. */
  function outlines(map, files, home) {
    for (const [index, name] of ["states", "counties"].entries()) map.createPane(name).style.zIndex = 200 + index;
    const states = load(files.states).then((topology) => shapes(topology, "states", home));
    const cities = load(files.cities);
    states.then((all) => {
      for (const { shape } of all) {
        L.polygon(shape, { pane: "states", className: "state", interactive: false }).addTo(map);
      }
    });
    let counties = null;
    function detail() {
      const close = map.getZoom() >= COUNTIES_FROM;
      map.getPane("counties").hidden = !close;
      if (!close || counties) return;
      counties = load(files.counties).then((topology) => {
        const lines = shapes(topology, "counties", home).flatMap(({ shape }) => shape);
        L.polyline(lines, { pane: "counties", className: "county", interactive: false }).addTo(map);
      });
    }
    map.on("zoomend", detail);
    detail();
    return Promise.all([states, cities]).then(([all, list]) => nameable(all, list || [], home));
  }

  /* The file's JSON, or null: pins and list are complete without the ground. */
  function load(url) {
    return fetch(url)
      .then((answer) => (answer.ok ? answer.json() : null))
      .catch(() => null);
  }

  /* TopoJSON: arcs are steps on a grid, a shape is made of arcs, and ~n means arc n backwards. */
  function shapes(topology, name, home) {
    if (!topology) return [];
    const { scale, translate } = topology.transform;
    const arcs = topology.arcs.map((arc) => {
      let x = 0;
      let y = 0;
      return arc.map(([dx, dy]) => [(y += dy) * scale[1] + translate[1], (x += dx) * scale[0] + translate[0]]);
    });
    const line = (numbers) => {
      const joined = numbers.flatMap((n, index) => {
        const arc = n < 0 ? [...arcs[~n]].reverse() : arcs[n];
        return index ? arc.slice(1) : arc;
      });
      const turn = nearTo(home, joined[0][1]) - joined[0][1];
      return turn ? joined.map(([lat, lon]) => [lat, lon + turn]) : joined;
    };
    const parts = {
      Polygon: (one) => [one.arcs.map(line)],
      MultiPolygon: (one) => one.arcs.map((part) => part.map(line)),
      LineString: (one) => [line(one.arcs)],
      MultiLineString: (one) => one.arcs.map(line),
    };
    const object = topology.objects[name];
    const all = (object.geometries || [object]).filter((one) => parts[one.type]);
    return all.map((one) => ({ ...one.properties, shape: parts[one.type](one) }));
  }

  /* What can have its name on the map, in order of rank; a state needs room for its name across its width. */
  function nameable(states, cities, home) {
    const known = states.filter((one) => one.label);
    return [
      ...known.map(({ name, label: [lon, lat, wide] }) => ({ name, at: [lat, nearTo(home, lon)], kind: "state", wide })),
      ...cities.map(([name, lat, lon]) => ({ name, at: [lat, nearTo(home, lon)], kind: "city" })),
    ];
  }

  /* Names where they cover neither each other nor a pin, redrawn whenever the map has moved. */
  function names(map, all, layer) {
    const group = L.layerGroup().addTo(map);
    function redraw() {
      group.clearLayers();
      const size = map.getSize();
      const covered = [...layer.boxes(), [0, 0, 64, 112], [0, size.y - 32, 130, size.y]];
      let left = 4 + Math.round((size.x * size.y) / 14000);
      for (const one of all) {
        const at = map.latLngToContainerPoint(one.at);
        const point = around(at, one.kind === "searched" ? 13 : 9);
        const dot = around(at, 3);
        if (!fits(point, size) || (one.kind === "city" && covered.some((other) => meet(dot, other)))) continue;
        const spots = one.kind === "state" ? inside(map, one, at) : beside(one, at);
        const free = spots.find(([, box]) => fits(box, size) && !covered.some((other) => meet(box, other)));
        if (free || one.kind === "searched") covered.push(point);
        if (!free) continue;
        covered.push(free[1]);
        put(one, `name-${one.kind} ${free[0]}`);
        if (--left === 0) break;
      }
    }

    function put(one, className) {
      const icon = L.divIcon({ className, html: written("span", one.name), iconSize: [0, 0] });
      const mark = L.marker(one.at, { icon, interactive: false, keyboard: false, pane: "names" }).addTo(group);
      mark.getElement().setAttribute("aria-hidden", "true");
    }
    map.on("moveend", redraw);
    redraw();
  }

  function inside(map, { name, wide }, { x, y }) {
    const half = name.length * 4.6;
    const room = (wide / 360) * 256 * 2 ** map.getZoom();
    return room < half * 2 ? [] : [["", [x - half, y - 10, x + half, y + 10]]];
  }

  /* The four places of a name around its point, the usual ones first. */
  function beside({ name, kind }, { x, y }) {
    const [gap, letter] = kind === "searched" ? [16, 7.8] : [6, 6.8];
    const wide = name.length * letter + gap;
    return [
      ["right", [x + gap - 2, y - 9, x + wide, y + 9]],
      ["left", [x - wide, y - 9, x - gap + 2, y + 9]],
      ["below", [x - wide / 2, y + gap - 4, x + wide / 2, y + gap + 14]],
      ["above", [x - wide / 2, y - gap - 14, x + wide / 2, y - gap + 4]],
    ];
  }

  function around({ x, y }, reach) {
    return [x - reach, y - reach, x + reach, y + reach];
  }

  function fits([left, top, right, bottom], size) {
    return left >= 0 && top >= 0 && right <= size.x && bottom <= size.y;
  }

  function meet(one, other) {
    return one[0] < other[2] && other[0] < one[2] && one[1] < other[3] && other[1] < one[3];
  }

  /* The pins. */

  function named(pin) {
    return `${WORDS.layers[pin.layer]} ${pin.n}: ${pin.name}${pin.label ? `, ${pin.label}` : ""}`;
  }

  function width(group) {
    return group.pins.length > 1 ? SHAPES.several[0] : PIN.target;
  }

  /* Joins the two nearest pins that would cover each other at this zoom, until no two of them do. */
  function grouped(map, pins, zoom = map.getZoom()) {
    const groups = pins.map((pin) => ({ at: map.project([pin.lat, pin.lon], zoom), pins: [pin] }));
    for (let pair = nearestTouching(groups); pair; pair = nearestTouching(groups)) {
      const [one, other] = pair;
      const [weight, added] = [one.pins.length, other.pins.length];
      one.at = one.at.multiplyBy(weight).add(other.at.multiplyBy(added)).divideBy(weight + added);
      one.pins.push(...other.pins);
      groups.splice(groups.indexOf(other), 1);
    }
    for (const group of groups) group.pins.sort((one, other) => one.n - other.n);
    return groups.sort((one, other) => one.pins[0].n - other.pins[0].n);
  }

  function nearestTouching(groups) {
    let found = null;
    let nearest = Infinity;
    for (const [index, one] of groups.entries()) {
      for (const other of groups.slice(index + 1)) {
        const apart = other.at.subtract(one.at);
        const touches = Math.abs(apart.x) < (width(one) + width(other)) / 2 && Math.abs(apart.y) < PIN.target;
        const far = apart.x ** 2 + apart.y ** 2;
        if (!touches || far >= nearest) continue;
        nearest = far;
        found = [one, other];
      }
    }
    return found;
  }

  function pinLayer(map, pins) {
    const layer = L.layerGroup().addTo(map);
    const container = map.getContainer();
    const marks = new Map(); // Of each pin's id, or of the group that it is in.
    const lit = { chosen: "", pointed: "" };
    let groups = [];
    let opener = "";

    function element(id) {
      return marks.has(id) ? marks.get(id).getElement() : null;
    }

    function redraw() {
      const held = pins.find((pin) => element(pin.id) && element(pin.id) === document.activeElement);
      marks.clear(); // First, because a pin that is removed loses the focus and says so.
      layer.clearLayers();
      groups = grouped(map, pins);
      for (const group of groups) {
        const mark = group.pins.length > 1 ? several(group) : single(group.pins[0]);
        for (const pin of group.pins) marks.set(pin.id, mark);
      }
      light({});
      if (held) element(held.id).focus({ preventScroll: true });
    }

    function put(at, [wide, path], className, text, label, act) {
      const svg = drawn("svg", { viewBox: `0 0 ${wide} ${PIN.height}`, width: wide, height: PIN.height, "aria-hidden": "true" });
      const number = drawn("text", { x: wide / 2, y: PIN.middle });
      number.textContent = text;
      svg.append(drawn("path", { d: path }), number);
      const size = [Math.max(wide, PIN.target), PIN.target];
      const icon = L.divIcon({ className: `pin ${className}`, html: svg, iconSize: size, iconAnchor: [size[0] / 2, PIN.height] });
      const mark = L.marker(at, { icon, riseOnHover: true }).addTo(layer);
      const shown = mark.getElement();
      shown.setAttribute("role", "button");
      shown.setAttribute("aria-label", label);
      mark.on("click", act);
      shown.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        event.stopPropagation();
        act();
      });
      return mark;
    }

    function single(pin) {
      const mark = put([pin.lat, pin.lon], SHAPES[pin.layer], `pin-${pin.layer}`, pin.n, named(pin), () => open(pin));
      const shown = mark.getElement();
      for (const event of ["focus", "pointerenter"]) shown.addEventListener(event, () => light({ pointed: pin.id }));
      for (const event of ["blur", "pointerleave"]) shown.addEventListener(event, () => light({ pointed: "" }));
      return mark;
    }

    function several({ at, pins: members }) {
      const layers = new Set(members.map((pin) => pin.layer));
      const className = `pin-several ${layers.size === 1 ? `pin-${members[0].layer}` : ""}`;
      const label = `${WORDS.together(members.length)}. ${members.map(named).join(". ")}`;
      const position = map.unproject(at);
      return put(position, SHAPES.several, className, WORDS.several(members.length), label, () => {
        const bounds = L.latLngBounds(members.map((pin) => [pin.lat, pin.lon]));
        const closer = map.getBoundsZoom(bounds.pad(0.5));
        if (closer > map.getZoom() && grouped(map, members, closer).length > 1) map.fitBounds(bounds.pad(0.5));
        else list(position, members);
      });
    }

    function open(pin) {
      light({ chosen: pin.id });
      popup([pin.lat, pin.lon], described(pin), named(pin), pin.id);
    }

    function list(position, members) {
      const content = document.createElement("ul");
      for (const pin of members) {
        const item = document.createElement("li");
        item.append(described(pin));
        content.append(item);
      }
      popup(position, content, WORDS.together(members.length), members[0].id);
    }

    function popup(position, content, label, id) {
      const beside = { autoPanPaddingTopLeft: [64, 12], autoPanPaddingBottomRight: [12, 12] }; // of the zoom buttons
      const maxWidth = Math.min(260, map.getSize().x - 120);
      const shown = L.popup({ maxWidth, offset: [0, 8 - PIN.height], ...beside }).setLatLng(position).setContent(content).openOn(map);
      shown.getElement().setAttribute("role", "dialog");
      shown.getElement().setAttribute("aria-label", label);
      opener = id;
      const first = shown.getElement().querySelector("a");
      if (first) first.focus({ preventScroll: true });
    }

    function described(pin) {
      const box = document.createElement("div");
      const name = document.createElement("p");
      const elsewhere = new URL(pin.url, location.href).pathname !== location.pathname;
      name.append(elsewhere ? written("a", pin.name, { href: pin.url }) : pin.name);
      box.append(name);
      if (pin.label) box.append(written("p", pin.label));
      if (document.getElementById(pin.id)) box.append(written("a", WORDS.toList, { href: `#${pin.id}` }));
      return box;
    }

    /* Marks one listing in the map and the list: the one pointed at, or else the one chosen. */
    function light(change) {
      Object.assign(lit, change);
      const id = lit.pointed || lit.chosen;
      for (const mark of marks.values()) mark.getElement().classList.toggle("is-highlighted", mark === marks.get(id));
      for (const card of document.querySelectorAll("[data-listing-id]")) {
        card.classList.toggle("is-highlighted", card.dataset.listingId === id);
      }
    }

    map.on("popupclose", ({ popup: closed }) => {
      const lost = document.activeElement === document.body || closed.getElement().contains(document.activeElement);
      if (lost && element(opener)) element(opener).focus({ preventScroll: true });
    });
    container.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      map.closePopup();
    });
    map.on("zoomend", redraw);
    redraw();
    return {
      light,
      boxes() {
        return groups.map((group) => {
          const { x, y } = map.latLngToContainerPoint(map.unproject(group.at));
          const half = width(group) / 2;
          return [x - half, y - PIN.height, x + half, y + 4];
        });
      },
      show(id) {
        const pin = pins.find((one) => one.id === id);
        if (!pin) return;
        map.setView([pin.lat, pin.lon], Math.max(map.getZoom(), 9), { animate: false });
        open(pin);
      },
    };
  }

  function joinWithList(section, layer) {
    for (const card of document.querySelectorAll("[data-listing-id]")) {
      const id = card.dataset.listingId;
      card.addEventListener("pointerenter", () => layer.light({ pointed: id }));
      card.addEventListener("pointerleave", () => layer.light({ pointed: "" }));
      card.addEventListener("focusin", () => layer.light({ chosen: id }));
    }
    for (const button of document.querySelectorAll("[data-map-show]")) {
      button.hidden = false;
      button.addEventListener("click", () => {
        section.scrollIntoView({ block: "nearest", behavior: still ? "auto" : "smooth" });
        layer.show(button.dataset.mapShow);
      });
    }
  }
})();
