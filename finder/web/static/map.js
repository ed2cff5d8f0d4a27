"use strict";
/* Draws the map: outlines from our own files, pins from the page's data. Texts reach the page as text only. */

(function () {
  if (!window.L) {
    window.finderMap = () => {};
    return;
  }
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const touch = matchMedia("(pointer: coarse)").matches;
  const TOGETHER = 34; // Pins closer than this many pixels are shown as one.
  const COUNTIES_FROM = 7; // Loaded only when the reader zooms in, not with the first view.
  const CITY_ROOM = { width: 92, height: 26 };

  // Leaflet reads these when the map is made, which is after this file.
  L.Map.mergeOptions({
    zoomAnimation: !still,
    fadeAnimation: !still,
    markerZoomAnimation: !still,
    dragging: !touch, // One finger scrolls the page until the reader asks for the map.
  });

  window.finderMap = function (map) {
    const section = map.getContainer().closest(".map");
    const data = JSON.parse(document.getElementById("map-data").textContent);
    const home = data.place ? data.place.lon : data.pins.length ? data.pins[0].lon : -98;
    const pins = data.pins.map((pin) => ({ ...pin, lon: closeTo(home, pin.lon) }));

    map.attributionControl = L.control.attribution({ prefix: false }).addTo(map);
    L.control.scale({ metric: false, maxWidth: 120 }).addTo(map);
    map.createPane("ground").style.zIndex = 200;
    map.createPane("names").style.zIndex = 250;
    fit(map, data.place, pins);
    if (data.tiles) L.tileLayer(data.tiles.url, { attribution: data.tiles.attribution }).addTo(map);
    else outlines(map, section.dataset, home > 100 ? 360 : 0, pins);
    if (data.place) searched(map, data.place);
    const marks = pinLayer(map, pins);
    joinWithList(map, section, marks);
    if (touch) hold(map, section);
    map.getContainer().setAttribute("role", "region");
    map.getContainer().setAttribute("aria-label", "Map of the list. Pins have the numbers of the list.");
  };

  /* The same meridian, written so that it lies within half a turn of another one (Guam is near Hawaii). */
  function closeTo(home, longitude) {
    return longitude + 360 * Math.round((home - longitude) / 360);
  }

  function fit(map, place, pins) {
    const points = pins.map((pin) => [pin.lat, pin.lon]);
    if (place) points.push([place.lat, place.lon]);
    if (points.length === 1) map.setView(points[0], 9, { animate: false });
    else if (points.length) map.fitBounds(points, { padding: [36, 36], maxZoom: 12, animate: false });
  }

  function outlines(map, files, shift, pins) {
    map.attributionControl.addAttribution("Outlines: US Census Bureau. Names: GeoNames.");
    load(files.states, (topology) => {
      const drawn = decoded(topology);
      for (const by of shift ? [0, shift] : [0]) {
        for (const { shape } of drawn("states")) {
          L.polygon(moved(shape, by), { pane: "ground", className: "state", interactive: false }).addTo(map);
        }
      }
    });
    load(files.cities, (cities) => cityNames(map, cities, shift, pins));
    let wanted = false;
    function counties() {
      if (wanted || map.getZoom() < COUNTIES_FROM) return;
      wanted = true;
      load(files.counties, (topology) => {
        const lines = decoded(topology)("counties").flatMap(({ shape }) => shape);
        const layer = L.polyline(lines, { pane: "ground", className: "county", interactive: false });
        const show = () => (map.getZoom() >= COUNTIES_FROM ? layer.addTo(map).bringToBack() : layer.remove());
        map.on("zoomend", show);
        show();
        map.eachLayer((one) => one.options.className === "state" && one.bringToBack());
      });
    }
    map.on("zoomend", counties);
  }

  function load(url, use) {
    fetch(url)
      .then((answer) => (answer.ok ? answer.json().then(use) : undefined))
      .catch(() => undefined); // Pins and list are complete without the outlines.
  }

  function moved(shape, by) {
    return by ? shape.map((part) => part.map((ring) => ring.map(([lat, lon]) => [lat, lon + by]))) : shape;
  }

  /* TopoJSON: arcs of steps on a grid; a shape is made of arcs, and ~n means arc n backwards. */
  function decoded(topology) {
    const { scale, translate } = topology.transform;
    const arcs = topology.arcs.map((arc) => {
      let x = 0;
      let y = 0;
      return arc.map(([dx, dy]) => [(y += dy) * scale[1] + translate[1], (x += dx) * scale[0] + translate[0]]);
    });
    const joined = (numbers) => {
      const line = [];
      for (const n of numbers) {
        const arc = n < 0 ? [...arcs[~n]].reverse() : arcs[n];
        line.push(...(line.length ? arc.slice(1) : arc));
      }
      return line;
    };
    const shapes = {
      Polygon: (one) => [one.arcs.map(joined)],
      MultiPolygon: (one) => one.arcs.map((part) => part.map(joined)),
      LineString: (one) => [joined(one.arcs)],
      MultiLineString: (one) => one.arcs.map(joined),
    };
    return (name) => {
      const object = topology.objects[name];
      const all = object.geometries || [object];
      return all.filter((one) => shapes[one.type]).map((one) => ({ name: one.properties, shape: shapes[one.type](one) }));
    };
  }

  /* City names, largest first, where they cover neither each other nor a pin. */
  function cityNames(map, cities, shift, pins) {
    const layer = L.layerGroup().addTo(map);
    function draw() {
      layer.clearLayers();
      const bounds = map.getBounds();
      const taken = pins.map((pin) => map.latLngToContainerPoint([pin.lat, pin.lon]));
      const most = taken.length + 6 + 4 * map.getZoom();
      for (const [name, lat, lon] of cities) {
        const place = L.latLng(lat, shift && lon < 0 ? lon + shift : lon);
        if (!bounds.contains(place)) continue;
        const at = map.latLngToContainerPoint(place);
        const free = taken.every(
          (other) => Math.abs(other.x - at.x) > CITY_ROOM.width || Math.abs(other.y - at.y) > CITY_ROOM.height,
        );
        if (!free) continue;
        taken.push(at);
        const text = document.createElement("span");
        text.textContent = name;
        const icon = L.divIcon({ className: "city", html: text, iconSize: null });
        const mark = L.marker(place, { icon, interactive: false, keyboard: false, pane: "names" }).addTo(layer);
        mark.getElement().setAttribute("aria-hidden", "true");
        if (taken.length >= most) break;
      }
    }
    map.on("moveend", draw);
    draw();
  }

  function searched(map, place) {
    if (place.radius_m) {
      L.circle([place.lat, place.lon], { radius: place.radius_m, className: "reach", interactive: false }).addTo(map);
    }
    const icon = L.divIcon({ className: "searched", html: cross(), iconSize: [30, 30] });
    const mark = L.marker([place.lat, place.lon], { icon, interactive: false, keyboard: false }).addTo(map);
    mark.getElement().setAttribute("role", "img");
    mark.getElement().setAttribute("aria-label", "The place you searched: " + place.label);
  }

  function cross() {
    const space = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(space, "svg");
    svg.setAttribute("viewBox", "-15 -15 30 30");
    for (const [width, color] of [[7, "var(--card)"], [3, "var(--ink)"]]) {
      const path = document.createElementNS(space, "path");
      path.setAttribute("d", "M-9 0H9M0 -9V9");
      path.setAttribute("stroke", color);
      path.setAttribute("stroke-width", width);
      path.setAttribute("stroke-linecap", "round");
      svg.append(path);
    }
    return svg;
  }

  function named(pin) {
    const kind = pin.layer === "centers" ? "Center " : "Specialist ";
    return kind + pin.n + ": " + pin.name + (pin.label ? ", " + pin.label : "");
  }

  /* Groups of pins that would cover each other at this zoom, in the order of the list. */
  function grouped(map, pins) {
    const groups = [];
    for (const pin of pins) {
      const at = map.latLngToLayerPoint([pin.lat, pin.lon]);
      const group = groups.find((one) => one.at.distanceTo(at) < TOGETHER);
      if (group) group.pins.push(pin);
      else groups.push({ at, pins: [pin] });
    }
    return groups;
  }

  function pinLayer(map, pins) {
    const layer = L.layerGroup().addTo(map);
    let byId = new Map();
    let lit = "";

    function draw() {
      layer.clearLayers();
      byId = new Map();
      for (const { pins: members } of grouped(map, pins)) {
        const mark = members.length === 1 ? single(members[0]) : several(members);
        for (const pin of members) byId.set(pin.id, mark);
      }
      light(lit);
    }

    function put(pin, className, text, label, act) {
      const shape = document.createElement("span");
      shape.className = "shape";
      shape.textContent = text;
      const icon = L.divIcon({ className: "pin " + className, html: shape, iconSize: [44, 44] });
      const mark = L.marker([pin.lat, pin.lon], { icon, riseOnHover: true }).addTo(layer);
      const element = mark.getElement();
      element.setAttribute("role", "button");
      element.setAttribute("aria-label", label);
      mark.on("click", act);
      element.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        event.stopPropagation();
        act();
      });
      return mark;
    }

    function single(pin) {
      return put(pin, "pin-" + pin.layer, String(pin.n), named(pin), () => {
        light(pin.id);
        popup([pin.lat, pin.lon], described(pin));
      });
    }

    function several(members) {
      const label = members.length + " places close together. " + members.map(named).join(". ");
      return put(members[0], "pin-several pin-" + members[0].layer, members.length + "×", label, () => {
        const bounds = L.latLngBounds(members.map((pin) => [pin.lat, pin.lon]));
        const closer = map.getBoundsZoom(bounds, false, L.point(60, 60));
        if (closer > map.getZoom() && closer <= map.getMaxZoom() && !bounds.getNorthEast().equals(bounds.getSouthWest())) {
          map.fitBounds(bounds, { padding: [60, 60], animate: !still });
          return;
        }
        const list = document.createElement("ul");
        for (const pin of members) {
          const item = document.createElement("li");
          item.append(described(pin));
          list.append(item);
        }
        popup(bounds.getCenter(), list);
      });
    }

    function popup(at, content) {
      L.popup({ maxWidth: 260, autoPanPadding: [12, 12] }).setLatLng(at).setContent(content).openOn(map);
    }

    function described(pin) {
      const box = document.createElement("div");
      const name = document.createElement("p");
      const link = document.createElement("a");
      link.href = pin.url;
      link.textContent = pin.name;
      name.append(link);
      box.append(name);
      if (pin.label) {
        const distance = document.createElement("p");
        distance.textContent = pin.label;
        box.append(distance);
      }
      if (document.getElementById(pin.id)) {
        const back = document.createElement("a");
        back.href = "#" + pin.id;
        back.textContent = "See it in the list";
        box.append(back);
      }
      return box;
    }

    function light(id) {
      lit = id;
      for (const [one, mark] of byId) {
        const element = mark.getElement();
        if (one !== id) element.classList.toggle("is-highlighted", byId.get(id) === mark);
        else element.classList.add("is-highlighted");
      }
      for (const card of document.querySelectorAll("[data-listing-id]")) {
        card.classList.toggle("is-highlighted", card.dataset.listingId === id);
      }
    }

    map.on("zoomend", draw);
    draw();
    return {
      light,
      show(id) {
        const pin = pins.find((one) => one.id === id);
        if (!pin) return;
        map.setView([pin.lat, pin.lon], Math.max(map.getZoom(), 10), { animate: !still });
        light(id);
        popup([pin.lat, pin.lon], described(pin));
      },
    };
  }

  function joinWithList(map, section, marks) {
    for (const card of document.querySelectorAll("[data-listing-id]")) {
      card.addEventListener("pointerenter", () => marks.light(card.dataset.listingId));
      card.addEventListener("focusin", () => marks.light(card.dataset.listingId));
    }
    for (const button of document.querySelectorAll("[data-map-show]")) {
      button.hidden = false;
      button.addEventListener("click", () => {
        section.scrollIntoView({ block: "nearest", behavior: still ? "auto" : "smooth" });
        marks.show(button.dataset.mapShow);
        map.getContainer().focus({ preventScroll: true });
      });
    }
    map.on("focus click", () => map.scrollWheelZoom.enable());
    map.on("blur", () => map.scrollWheelZoom.disable());
  }

  /* On a touch screen the map stays still under one finger until it is asked for. */
  function hold(map, section) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button use-map";
    button.textContent = "Use the map";
    button.addEventListener("click", () => {
      map.dragging.enable();
      button.remove();
      map.getContainer().focus();
    });
    section.append(button);
  }
})();
