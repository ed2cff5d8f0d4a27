"use strict";
/* A click on the map fills in where the pin of an entry belongs; the fields work without it. */

(function () {
  const form = document.querySelector("[data-pin]");
  const draw = window.finderMap;
  if (!form || !window.L) return;

  window.finderMap = function (map) {
    draw(map);
    let mark = null;
    map.on("click", ({ latlng }) => {
      const place = latlng.wrap();
      form.elements.latitude.value = place.lat.toFixed(6);
      form.elements.longitude.value = place.lng.toFixed(6);
      if (mark) mark.remove();
      mark = L.circleMarker(latlng, { radius: 10, interactive: false }).addTo(map);
    });
  };
})();
