"use strict";
/* What ALL does in the body, as a model in WebGL 2. It is fetched when the reader presses the button. All its words are on
   the page already; without WebGL the page's own pictures take its place, with the same steps and words. */

(function () {
  const STEPS = ["healthy", "change", "copies", "crowded", "blood", "spread", "remission"];
  const [HEALTHY, CHANGE, COPIES, CROWDED, BLOOD, SPREAD, REMISSION] = STEPS.keys();
  const still = matchMedia("(prefers-reduced-motion: reduce)");

  /* Numbers and vectors */

  const clamp = (x, low = 0, high = 1) => Math.min(Math.max(x, low), high);
  const mix = (a, b, t) => a + (b - a) * t;
  const ease = (t) => t * t * (3 - 2 * t);
  const between = (low, high, x) => ease(clamp((x - low) / (high - low)));
  const add = (a, b) => a.map((x, n) => x + b[n]);
  const less = (a, b) => a.map((x, n) => x - b[n]);
  const times = (a, k) => a.map((x) => x * k);
  const blend = (a, b, t) => a.map((x, n) => mix(x, b[n], t));
  const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
  const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
  const length = (x, y, z) => Math.sqrt(x * x + y * y + z * z); // Math.hypot is exact, and slow.
  const unit = (a) => times(a, 1 / (length(...a) || 1));

  /* The same numbers every time, so that the model looks the same to everybody. */
  function chances(seed) {
    return () => {
      seed = (seed + 0x6d2b79f5) | 0;
      let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
  }

  function product(a, b) {
    const made = new Float32Array(16);
    for (let column = 0; column < 4; column++)
      for (let row = 0; row < 4; row++)
        for (let n = 0; n < 4; n++) made[column * 4 + row] += a[n * 4 + row] * b[column * 4 + n];
    return made;
  }

  function perspective(angle, aspect, near, far) {
    const f = 1 / Math.tan(angle / 2);
    const depth = 1 / (near - far);
    return [f / aspect, 0, 0, 0, 0, f, 0, 0, 0, 0, (far + near) * depth, -1, 0, 0, 2 * far * near * depth, 0];
  }

  function lookAt(eye, target) {
    const z = unit(less(eye, target));
    const x = unit(cross([0, 1, 0], z));
    const y = cross(z, x);
    const moved = [x, y, z].map((axis) => -dot(axis, eye));
    return [x[0], y[0], z[0], 0, x[1], y[1], z[1], 0, x[2], y[2], z[2], 0, ...moved, 1];
  }

  /* Solids are written as fields: how far a point lies from the surface, negative inside. */

  function capsule(p, a, b, from, to) {
    const [x, y, z] = [b[0] - a[0], b[1] - a[1], b[2] - a[2]];
    const [u, v, w] = [p[0] - a[0], p[1] - a[1], p[2] - a[2]];
    const t = clamp((u * x + v * y + w * z) / (x * x + y * y + z * z));
    return length(u - x * t, v - y * t, w - z * t) - mix(from, to, t);
  }

  function ellipsoid(p, at, radii) {
    const k = length((p[0] - at[0]) / radii[0], (p[1] - at[1]) / radii[1], (p[2] - at[2]) / radii[2]);
    return (k - 1) * Math.min(radii[0], radii[1], radii[2]);
  }

  const ball = (p, at, radius) => length(p[0] - at[0], p[1] - at[1], p[2] - at[2]) - radius;

  function box(p, at, half, round) {
    const x = Math.abs(p[0] - at[0]) - half[0] + round;
    const y = Math.abs(p[1] - at[1]) - half[1] + round;
    const z = Math.abs(p[2] - at[2]) - half[2] + round;
    return length(Math.max(x, 0), Math.max(y, 0), Math.max(z, 0)) + Math.min(Math.max(x, y, z), 0) - round;
  }

  function join(a, b, k) {
    const h = Math.max(k - Math.abs(a - b), 0) / k;
    return Math.min(a, b) - (h * h * k) / 4;
  }

  const carve = (a, b, k) => -join(-a, b, k);

  const CAVITY = { at: [0, 0.05, 0.45], radii: [3.75, 2.3, 1.7] };

  function inCavity(p) {
    const { at, radii } = CAVITY;
    return length((p[0] - at[0]) / radii[0], (p[1] - at[1]) / radii[1], (p[2] - at[2]) / radii[2]);
  }

  /* Spongy bone: an arch around the marrow, with pores, and thin struts across its back. */
  function boneField() {
    const chance = chances(11);
    const pores = [];
    for (let tries = 0; tries < 5000 && pores.length < 110; tries++) {
      const at = [mix(-6, 6, chance()), mix(-1.2, 3.4, chance()), mix(-0.3, 1.35, chance())];
      const radius = mix(0.26, 0.56, chance());
      const wide = mix(0.75, 1.35, chance());
      const depth = inCavity(at);
      if (depth < 1.16 || pores.some((one) => ball(at, one.at, 0) < (one.radius + radius) * 0.86)) continue;
      pores.push({ at, radius, radii: [radius * wide, radius / wide, radius] });
    }
    const struts = [
      [[-3.6, 0.9, -0.9], [-1.7, -1.3, -1]],
      [[3.7, 0.7, -0.8], [2.1, -1.4, -1]],
      [[-2.4, 1.9, -0.8], [-0.6, 0.2, -1.3]],
      [[2.6, 1.8, -0.7], [0.9, 0.5, -1.3]],
      [[-1.9, 2.2, 0.1], [-2.9, 0.8, 0.1]],
      [[2.2, 2.2, 0.2], [3.2, 0.6, 0.1]],
    ];
    const field = (p) => {
      let d = box(p, [0, 1.15, -0.35], [6.5, 2.4, 1.5], 0.3);
      d = join(d, box(p, [0, -2.2, -1.62], [6.5, 1.9, 0.25], 0.1), 0.4);
      d = carve(d, (inCavity(p) - 1) * 1.7, 0.3);
      for (const [from, to] of struts) d = join(d, capsule(p, from, to, 0.17, 0.11), 0.35);
      for (const pore of pores) {
        if (ball(p, pore.at, pore.radius) < 0.7) d = carve(d, ellipsoid(p, pore.at, pore.radii), 0.26);
      }
      return d;
    };
    // Marrow fills the great hollow and the pores: their walls have its color.
    const marrow = (p) => {
      const pore = between(0.16, -0.02, pores.reduce((least, one) => Math.min(least, ellipsoid(p, one.at, one.radii)), 1));
      const behind = between(1.3, 0.8, p[2]);
      return Math.max(pore * behind, between(1.14, 0.96, inCavity(p)) * behind, between(-1, -1.5, p[1]) * between(0.4, -0.6, p[2]));
    };
    return { field, marrow };
  }

  const vesselMiddle = (x) => [x, -2.38 + 0.1 * Math.sin(x * 0.7), 0.25];

  /* A vessel that is cut open towards the reader, with a gap where cells pass. */
  function vesselField(p) {
    const middle = vesselMiddle(p[0]);
    const out = Math.hypot(p[1] - middle[1], p[2] - middle[2]);
    const wall = Math.abs(out - 0.95) - 0.1;
    const front = 0.3 - (p[2] - middle[2]);
    const open = carve(carve(wall, front, 0.08), ball(p, [0, -1.42, 0.3], 0.62), 0.2);
    return Math.max(open, Math.abs(p[0]) - 7);
  }

  function personField(p) {
    const q = [Math.abs(p[0]), p[1], p[2]];
    const flat = [q[0], q[1], q[2] * 1.4];
    let torso = ellipsoid(q, [0, 3.42, 0.03], [0.43, 0.56, 0.5]);
    for (const [a, b, from, to] of [
      [[0, 2.95, -0.04], [0, 2.5, -0.05], 0.2, 0.24],
      [[0, 2.02, 0], [0.5, 2.1, 0], 0.44, 0.34],
      [[0, 1.9, 0], [0, 0.9, 0], 0.56, 0.5],
      [[0, 0.5, 0], [0.24, 0.42, 0], 0.5, 0.42],
    ]) torso = join(torso, capsule(flat, a, b, from, to), 0.3);
    let arm = capsule(q, [0.86, 2.16, 0], [1.17, 1.05, -0.05], 0.23, 0.17);
    arm = join(arm, capsule(q, [1.17, 1.05, -0.05], [1.42, 0.05, 0.1], 0.17, 0.11), 0.12);
    arm = join(arm, capsule(q, [1.46, -0.12, 0.12], [1.5, -0.34, 0.16], 0.13, 0.1), 0.12);
    let leg = capsule(q, [0.33, 0.3, 0], [0.4, -1.6, 0.02], 0.36, 0.22);
    leg = join(leg, capsule(q, [0.4, -1.6, 0.02], [0.43, -3.5, -0.06], 0.23, 0.12), 0.15);
    leg = join(leg, capsule(q, [0.43, -3.74, -0.06], [0.52, -3.82, 0.36], 0.15, 0.12), 0.15);
    return join(join(torso, arm, 0.16), leg, 0.14);
  }

  function nervesField(p) {
    const folds = Math.sin(p[0] * 26 + Math.sin(p[1] * 21)) * Math.sin(p[1] * 24 + Math.sin(p[2] * 23)) * Math.sin(p[2] * 25);
    const halves = 0.05 * Math.exp(-(p[0] * p[0]) / 0.0016);
    const brain = ellipsoid(p, [0, 3.56, -0.03], [0.31, 0.32, 0.38]) + 0.026 * folds + halves;
    const path = [[0, 3.3, -0.14], [0, 2.75, -0.14], [0, 2, -0.26], [0, 1.1, -0.12], [0, 0.45, -0.2]];
    let cord = 9;
    for (let n = 1; n < path.length; n++) cord = join(cord, capsule(p, path[n - 1], path[n], 0.062 - n * 0.004, 0.058 - n * 0.004), 0.03);
    return join(brain, cord, 0.08);
  }

  /* A field becomes a mesh by naive surface nets: one point in each cube that the surface crosses. Every point carries its
     place, its normal, how open it lies (0 in a hollow, 1 outside), and a tint of the caller's. */
  function net(field, low, high, size, tint = () => 0) {
    const counts = [0, 1, 2].map((n) => Math.ceil((high[n] - low[n]) / size) + 1);
    const [nx, ny, nz] = counts;
    const at = (i, j, k) => i + nx * (j + ny * k);
    const values = new Float32Array(nx * ny * nz);
    for (let k = 0; k < nz; k++)
      for (let j = 0; j < ny; j++)
        for (let i = 0; i < nx; i++) values[at(i, j, k)] = field([low[0] + i * size, low[1] + j * size, low[2] + k * size]);

    const number = new Int32Array(values.length).fill(-1);
    const points = [];
    for (let k = 0; k < nz - 1; k++)
      for (let j = 0; j < ny - 1; j++)
        for (let i = 0; i < nx - 1; i++) {
          const found = crossing(i, j, k);
          if (!found) continue;
          number[at(i, j, k)] = points.length / 8;
          const p = [0, 1, 2].map((n) => low[n] + ([i, j, k][n] + found[n]) * size);
          const e = size * 0.5;
          const normal = unit([0, 1, 2].map((n) => {
            const step = [0, 0, 0];
            step[n] = e;
            return field(add(p, step)) - field(less(p, step));
          }));
          const openness = clamp(field(add(p, times(normal, size * 3.2))) / (size * 3.2));
          points.push(...p, ...normal, openness, tint(p, normal));
        }

    function crossing(i, j, k) {
      const corner = (n) => values[at(i + (n & 1), j + ((n >> 1) & 1), k + (n >> 2))];
      const inside = corner(0) < 0;
      let n = 1;
      while (n < 8 && corner(n) < 0 === inside) n++;
      if (n === 8) return null;
      const sum = [0, 0, 0];
      let hits = 0;
      for (let n = 0; n < 8; n++)
        for (const axis of [1, 2, 4]) {
          if (n & axis) continue;
          const [a, b] = [corner(n), corner(n | axis)];
          if (a < 0 === b < 0) continue;
          const t = a / (a - b);
          sum[0] += (n & 1) + (axis === 1 ? t : 0);
          sum[1] += ((n >> 1) & 1) + (axis === 2 ? t : 0);
          sum[2] += (n >> 2) + (axis === 4 ? t : 0);
          hits++;
        }
      return times(sum, 1 / hits);
    }

    const faces = [];
    const steps = [1, nx, nx * ny];
    for (let k = 1; k < nz - 1; k++)
      for (let j = 1; j < ny - 1; j++)
        for (let i = 1; i < nx - 1; i++)
          for (let axis = 0; axis < 3; axis++) {
            const here = at(i, j, k);
            const inside = values[here] < 0;
            if (inside === values[here + steps[axis]] < 0) continue;
            const [u, v] = [steps[(axis + 1) % 3], steps[(axis + 2) % 3]];
            const [a, b, c, d] = [number[here], number[here - u], number[here - u - v], number[here - v]];
            faces.push(...(inside ? [a, b, c, a, c, d] : [a, c, b, a, d, c]));
          }
    return { points: new Float32Array(points), faces: new Uint32Array(faces) };
  }

  /* Shapes of cells, of radius 1, as places and normals. */

  function sphere(rounds) {
    const g = (1 + Math.sqrt(5)) / 2;
    const points = [[-1, g, 0], [1, g, 0], [-1, -g, 0], [1, -g, 0], [0, -1, g], [0, 1, g], [0, -1, -g], [0, 1, -g], [g, 0, -1], [g, 0, 1], [-g, 0, -1], [-g, 0, 1]].map(unit);
    let faces = [[0, 11, 5], [0, 5, 1], [0, 1, 7], [0, 7, 10], [0, 10, 11], [1, 5, 9], [5, 11, 4], [11, 10, 2], [10, 7, 6], [7, 1, 8], [3, 9, 4], [3, 4, 2], [3, 2, 6], [3, 6, 8], [3, 8, 9], [4, 9, 5], [2, 4, 11], [6, 2, 10], [8, 6, 7], [9, 8, 1]];
    for (let n = 0; n < rounds; n++) {
      const middles = new Map();
      const middle = (a, b) => {
        const key = Math.min(a, b) * 65536 + Math.max(a, b);
        if (!middles.has(key)) middles.set(key, points.push(unit(add(points[a], points[b]))) - 1);
        return middles.get(key);
      };
      faces = faces.flatMap(([a, b, c]) => {
        const [d, e, f] = [middle(a, b), middle(b, c), middle(c, a)];
        return [[a, d, f], [d, b, e], [f, e, c], [d, e, f]];
      });
    }
    return { points: new Float32Array(points.flatMap((p) => [...p, ...p])), faces: new Uint32Array(faces.flat()) };
  }

  /* A red cell: a disc that is thinner in the middle, turned around its axis. */
  function disc() {
    const around = 22;
    const rows = 7;
    const half = (r) => 0.42 * Math.sqrt(Math.max(1 - r * r, 0)) * (0.36 + 1.6 * r * r - 0.96 * r ** 4);
    const profile = [];
    for (let n = 0; n <= rows; n++) profile.push([Math.sin((n / rows) * Math.PI / 2), 1]);
    for (let n = rows - 1; n >= 0; n--) profile.push([Math.sin((n / rows) * Math.PI / 2), -1]);
    const line = profile.map(([r, side]) => [r, half(r) * side]);
    const points = [];
    line.forEach(([r, y], n) => {
      const [a, b] = [line[Math.max(n - 1, 0)], line[Math.min(n + 1, line.length - 1)]];
      const slope = unit([a[1] - b[1], b[0] - a[0], 0]);
      for (let m = 0; m <= around; m++) {
        const [c, s] = [Math.cos((m / around) * 2 * Math.PI), Math.sin((m / around) * 2 * Math.PI)];
        points.push(r * c, y, r * s, -slope[0] * c, slope[1], -slope[0] * s);
      }
    });
    const faces = [];
    for (let n = 0; n < line.length - 1; n++)
      for (let m = 0; m < around; m++) {
        const a = n * (around + 1) + m;
        faces.push(a, a + 1, a + around + 1, a + 1, a + around + 2, a + around + 1);
      }
    return { points: new Float32Array(points), faces: new Uint32Array(faces) };
  }

  /* Who is on the stage. An actor has a place, a size, and for each step how much of it is there, from 0 to 1. */

  const ORIGIN = [-0.45, 0.1, 1.05]; // where the one cell changes
  const SIZES = { red: 0.31, white: 0.37, platelet: 0.17, stem: 0.33, blast: 0.36, node: 0.075, gland: 0.1, seed: 0.055 };
  const MIXED = ["red", "white", "platelet", "red", "stem", "platelet", "red", "white", "red", "platelet"];
  const SPARED = 9; // In the end one place of so many is still held by a healthy cell.
  const NODES = [[0.25, 2.76, 0.08], [0.3, 2.56, 0.12], [0.66, 1.86, 0.1], [0.72, 1.7, 0.04], [0.6, 1.7, 0.12], [0.27, 0.16, 0.22], [0.36, 0.06, 0.22], [0.33, 0.24, 0.2]];
  const PLACES = {
    cns: { at: [0, 3.62, 0.2], view: { target: [0, 2.9, 0], distance: 6.5 } },
    nodes: { at: [0.7, 1.8, 0.1], view: { target: [0, 1.7, 0], distance: 7.5 } },
    testes: { at: [0.1, -0.1, 0.3], view: { target: [0, 0.2, 0], distance: 5.5 } },
  };

  const DRAWN = { cns: 36, nodes: 122, testes: 209 }; // how far down the page's picture has them, of 400

  function slots(chance) {
    const found = [ORIGIN];
    for (let tries = 0; tries < 9000; tries++) {
      const p = [mix(-3.3, 3.3, chance()), mix(-1.3, 2.1, chance()), mix(-0.6, 1.25, chance())];
      const room = Math.hypot((p[0] - CAVITY.at[0]) / 3.25, (p[1] - 0) / 1.85, (p[2] - 0.35) / 1.3);
      if (room > 1 || found.some((one) => ball(p, one, 0) < 0.57)) continue;
      found.push(p);
    }
    const far = (p) => Math.hypot(p[0] - ORIGIN[0], p[1] - ORIGIN[1], (p[2] - ORIGIN[2]) * 0.6);
    return found.sort((a, b) => far(a) - far(b));
  }

  function cast() {
    const chance = chances(5);
    const places = slots(chance);
    const actors = [];
    const put = (actor) => actors.push({ spin: chance() * 6.28, tilt: unit([chance() - 0.5, chance() - 0.5, chance() - 0.5]), phase: chance() * 6.28, delay: 0, size: SIZES[actor.kind] * mix(0.92, 1.08, chance()), value: 0, start: 0, ...actor });
    const last = places.length - 1;
    put({ kind: "stem", becomes: "blast", at: ORIGIN, there: [1, 1, 1, 1, 1, 0, 1], changed: [0, 1, 1, 1, 1, 1, 0] });
    places.forEach((at, rank) => {
      if (!rank) return;
      const spared = rank % SPARED === SPARED - 1;
      const early = rank < 26 && !spared;
      const hides = rank === last || rank === last - 3;
      const delay = (rank / last) * 0.55;
      const full = spared ? 0 : 1;
      put({ kind: MIXED[rank % MIXED.length], at, delay, push: unit(less(at, ORIGIN)), there: [1, 1, early ? 0 : 1, 1 - full, 1 - full, 0, hides ? 0 : 1] });
      if (full) put({ kind: "blast", at, delay, born: ORIGIN, there: [0, 0, early ? 1 : 0, 1, 1, 0, hides ? 1 : 0] });
    });
    const LANES = { red: [30, [1, 1, 0.85, 0.3, 0.25, 0, 1]], white: [7, [1, 1, 0.9, 0.3, 0.3, 0, 1]], platelet: [18, [1, 1, 0.85, 0.25, 0.25, 0, 1]], blast: [16, [0, 0, 0, 0, 1, 0, 0]] };
    for (const [kind, [count, share]] of Object.entries(LANES))
      for (let n = 0; n < count; n++) {
        const [turn, out] = [chance() * 6.28, 0.55 * Math.sqrt(chance())];
        put({ kind, lane: [Math.cos(turn) * out, Math.sin(turn) * out], offset: (n + chance() * 0.6) / count, speed: mix(0.9, 1.15, chance()) * 0.055, size: SIZES[kind] * 0.86, there: share.map((part) => (n < part * count - 0.01 ? 1 : 0)) });
      }
    for (let n = 0; n < 5; n++) {
      const from = [mix(-1.2, 1.2, chance()), mix(-0.6, -0.2, chance()), mix(0.3, 0.9, chance())];
      const path = { from, through: [mix(-0.2, 0.2, chance()), -1.35, 0.35], to: [mix(0.8, 1.8, chance()), -2.35, 0.35] };
      put({ kind: ["red", "platelet", "red", "white", "red"][n], path, offset: n / 5, size: 0.25, there: [1, 1, 0.8, 0, 0, 0, 1].map(Math.round) });
      put({ kind: "blast", path, offset: n / 5 + 0.1, size: 0.28, there: [0, 0, 0, 0, 1, 0, 0] });
    }
    const only = (step) => STEPS.map((_, n) => (n === step ? 1 : 0));
    for (const side of [-1, 1]) {
      for (const [x, y, z] of NODES) put({ kind: "node", at: [x * side, y, z], whole: true, there: only(SPREAD), still: true });
      put({ kind: "gland", at: [0.1 * side, -0.12, 0.3], whole: true, there: only(SPREAD), still: true });
    }
    for (let n = 0; n < 46; n++) {
      const around = (at, room) => add(at, times(unit([chance() - 0.5, chance() - 0.5, chance() - 0.5]), room * mix(0.7, 1, chance())));
      const side = n % 2 ? 1 : -1;
      const [x, y, z] = NODES[n % NODES.length];
      const at = n < 16 ? around([0, 3.55, 0], 0.42) : n < 22 ? around([0, mix(0.6, 2.8, chance()), -0.16], 0.1) : n < 42 ? around([x * side, y, z], 0.13) : around([0.1 * side, -0.12, 0.3], 0.13);
      put({ kind: "seed", at, whole: true, delay: 0.35 + chance() * 0.3, there: only(SPREAD) });
    }
    return actors;
  }

  /* Where the reader looks from at each step. */
  const OVERVIEW = { target: [0, 0.05, 0], distance: 11, yaw: 0.12, pitch: 0.1 };
  const VIEWS = {
    [HEALTHY]: OVERVIEW,
    [CHANGE]: { target: [-0.4, 0.1, 0.7], distance: 5, yaw: -0.12, pitch: 0.06 },
    [COPIES]: { target: [-0.35, 0.1, 0.5], distance: 7, yaw: 0.16, pitch: 0.1 },
    [CROWDED]: { ...OVERVIEW, distance: 10 },
    [BLOOD]: { target: [0.1, -1.3, 0.2], distance: 7.4, yaw: -0.14, pitch: 0.14 },
    [SPREAD]: { target: [0, 0, 0], distance: 14, yaw: 0.22, pitch: 0.03 },
    [REMISSION]: OVERVIEW,
  };
  const NAMED = {
    [HEALTHY]: { bone: null, vessel: null, stem: [1, 1.2], red: [-2, -0.3], white: [1.9, -0.4], platelet: [-1.1, 1.3] },
    [CHANGE]: { changed: null, stem: [0.4, 0.9], red: [-1.7, -0.9] },
    [COPIES]: { blast: [0.2, 0.8], red: [-2, -0.4], white: [1.5, -0.2] },
    [CROWDED]: { bone: null, vessel: null, blast: [-1.6, 0.7], red: [1.3, -0.3] },
    [BLOOD]: { vessel: null, blast: [-0.9, -0.6] },
    [SPREAD]: {},
    [REMISSION]: { bone: null, vessel: null, blast: [0, 0], red: [-1.6, -0.3], white: [1.6, 0.2], platelet: [-0.8, 1.3] },
  };
  const FIXED = { bone: [2.9, 2.75, 1.15], vessel: [2.5, -3.1, 0.55] };
  const ANGLE = 0.62;

  /* Drawing */

  const LIGHT = `
    uniform vec3 u_eye, u_ground, u_edge; uniform float u_flat, u_fade, u_fog;
    vec3 lit(vec3 base, vec3 n, vec3 v, float open) {
      float facing = max(dot(n, v), 0.);
      if (u_flat > .5) return mix(u_edge, base, smoothstep(.14, .22, facing));
      float key = max(dot(n, normalize(vec3(.45, .8, .6))) * .62 + .38, 0.);
      float sky = n.y * .5 + .5;
      vec3 c = base * (mix(vec3(.42, .36, .40), vec3(.62, .62, .66), sky) + key * vec3(.66, .63, .58)) * mix(.6, 1., open);
      c += pow(1. - facing, 3.) * .16 * (base + .15) * open;
      c += pow(max(dot(n, normalize(normalize(vec3(.45, .8, .6)) + v)), 0.), 38.) * .16;
      return c;
    }
    vec4 seen(vec3 c, vec3 p, float alpha) {
      float far = u_flat > .5 ? 0. : smoothstep(u_fog, u_fog + 4.5, distance(u_eye, p)) * .62;
      return vec4(mix(c, u_ground, far), 1.) * alpha * u_fade;
    }`;

  const SOLID = [
    `#version 300 es
    layout(location=0) in vec3 a_at; layout(location=1) in vec3 a_normal; layout(location=2) in vec2 a_more;
    uniform mat4 u_all; out vec3 v_at, v_normal; out vec2 v_more;
    void main() { v_at = a_at; v_normal = a_normal; v_more = a_more; gl_Position = u_all * vec4(a_at, 1.); }`,
    `#version 300 es
    precision highp float; in vec3 v_at, v_normal; in vec2 v_more; out vec4 color;
    uniform vec3 u_color, u_second; uniform float u_glass; ${LIGHT}
    void main() {
      vec3 v = normalize(u_eye - v_at), n = normalize(v_normal);
      float rim = 1. - abs(dot(n, v));
      vec3 c = lit(mix(u_color, u_second, v_more.y), u_glass > 0. ? n : faceforward(n, -v, n), v, v_more.x);
      float alpha = u_glass > 0. ? (u_flat > .5 ? smoothstep(.55, .75, rim) : mix(.10, .95, pow(rim, 2.2)) * u_glass) : 1.;
      color = seen(u_glass > 0. && u_flat > .5 ? u_edge : c, v_at, alpha);
    }`,
  ];

  const CELLS = [
    `#version 300 es
    layout(location=0) in vec3 a_at; layout(location=1) in vec3 a_normal;
    layout(location=2) in vec4 i_place; layout(location=3) in vec4 i_turn; layout(location=4) in vec4 i_color;
    layout(location=5) in vec4 i_core; layout(location=6) in vec4 i_form;
    uniform mat4 u_all; uniform vec3 u_from;
    out vec3 v_at, v_normal, v_local, v_ray; out vec4 v_color, v_core; out float v_lobes;
    vec3 turned(vec3 p, vec4 q) { return p + 2. * cross(q.xyz, cross(q.xyz, p) + q.w * p); }
    void main() {
      vec3 s = sin(a_at * 6.2 + vec3(.6, 2.1, 4.)), k = cos(a_at * 6.2 + vec3(.6, 2.1, 4.)) * 6.2;
      float bump = i_core.w, form = i_form.x;
      vec3 slope = vec3(k.x * s.y * s.z, s.x * k.y * s.z, s.x * s.y * k.z);
      vec3 p = a_at * (1. + bump * s.x * s.y * s.z);
      vec3 n = bump > 0. ? normalize(a_normal - bump * (slope - a_at * dot(slope, a_at))) : a_normal;
      vec3 stretch = vec3(1., form, 1.);
      v_local = p;
      v_ray = p - turned(u_from - i_place.xyz, vec4(-i_turn.xyz, i_turn.w)) / i_place.w / stretch;
      v_at = i_place.xyz + turned(p * stretch, i_turn) * i_place.w;
      v_normal = turned(n / stretch, i_turn);
      v_color = i_color; v_core = i_core; v_lobes = i_form.y;
      gl_Position = u_all * vec4(v_at, 1.);
    }`,
    `#version 300 es
    precision highp float; in vec3 v_at, v_normal, v_local, v_ray; in vec4 v_color, v_core; in float v_lobes; out vec4 color;
    ${LIGHT}
    void main() {
      vec3 v = normalize(u_eye - v_at), n = normalize(v_normal), d = normalize(v_ray), base = v_color.rgb;
      float facing = max(dot(n, v), 0.);
      vec3 c = lit(base, n, v, 1.);
      if (v_color.w > 0.) {
        vec3 lobes[3] = vec3[](vec3(.04, .03, 0.), vec3(.3, -.3, .16), vec3(-.34, -.12, -.2));
        if (v_lobes > 1.) lobes[0] = vec3(.02, .36, .05);
        float hit = 0.; vec3 at = vec3(0.);
        for (int m = 0; m < 3; m++) {
          if (float(m) >= v_lobes) break;
          vec3 o = v_local - lobes[m]; float b = dot(o, d), under = b * b - dot(o, o) + v_color.w * v_color.w;
          float strong = smoothstep(0., .06, under);
          if (strong > hit) { hit = strong; at = (o - d * (b + sqrt(max(under, 0.)))) / v_color.w; }
        }
        float shade = .72 + .34 * dot(normalize(at + .0001), normalize(-d + vec3(.2, .5, .2)));
        vec3 core = v_core.rgb * (u_flat > .5 ? 1. : shade);
        if (v_lobes < 1.5 && v_core.w > .05) {
          float spots = max(dot(at, normalize(vec3(.5, .7, .5))), max(dot(at, normalize(vec3(-.8, -.2, .5))), max(dot(at, normalize(vec3(.2, -.3, -.9))), dot(at, normalize(vec3(-.3, .6, -.7))))));
          core = mix(core, base, smoothstep(.93, .97, spots) * .7);
        }
        c = mix(c, core, hit * (u_flat > .5 ? 1. : .86) * smoothstep(.12, .45, facing));
      }
      color = seen(c, v_at, 1.);
    }`,
  ];

  function program(gl, [vertex, fragment]) {
    const made = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(made, shader);
    }
    gl.linkProgram(made);
    if (!gl.getProgramParameter(made, gl.LINK_STATUS) && !gl.isContextLost()) throw new Error(gl.getProgramInfoLog(made));
    const places = {};
    for (let n = gl.getProgramParameter(made, gl.ACTIVE_UNIFORMS) - 1; n >= 0; n--) {
      const { name } = gl.getActiveUniform(made, n);
      places[name] = gl.getUniformLocation(made, name);
    }
    return { made, places };
  }

  function mesh(gl, { points, faces }, widths) {
    const array = gl.createVertexArray();
    gl.bindVertexArray(array);
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, points, gl.STATIC_DRAW);
    const stride = widths.reduce((a, b) => a + b) * 4;
    let offset = 0;
    widths.forEach((width, n) => {
      gl.enableVertexAttribArray(n);
      gl.vertexAttribPointer(n, width, gl.FLOAT, false, stride, offset);
      offset += width * 4;
    });
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, faces, gl.STATIC_DRAW);
    return { array, count: faces.length };
  }

  const NEAR = 30; // From so large on, by half the height of the picture, a cell is drawn in fine steps.
  const RECORD = 20; // numbers for each cell that is drawn: place, turn, color, core, form

  function instanced(gl, shape, most) {
    const made = mesh(gl, shape, [3, 3]);
    const buffer = gl.createBuffer();
    const data = new Float32Array(most * RECORD);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, data.byteLength, gl.DYNAMIC_DRAW);
    for (let n = 0; n < 5; n++) {
      gl.enableVertexAttribArray(2 + n);
      gl.vertexAttribPointer(2 + n, 4, gl.FLOAT, false, RECORD * 4, n * 16);
      gl.vertexAttribDivisor(2 + n, 1);
    }
    return { ...made, buffer, data, used: 0 };
  }

  /* How each kind looks: color, size of the core, color of the core, bumps, flatness, parts of the core. */
  function looks(colors) {
    const look = (color, core, radius, { bump = 0, flat = 1, lobes = 1 } = {}) => [...color, radius, ...core, bump, flat, lobes, 0, 0];
    return {
      red: look(colors.red, colors.red, 0),
      white: look(colors.white, colors.core, 0.4, { lobes: 3 }),
      platelet: look(colors.platelet, colors.platelet, 0, { bump: 0.09, flat: 0.4 }),
      stem: look(colors.stem, colors.heart, 0.52),
      blast: look(colors.blast, colors.kernel, 0.76, { bump: 0.17 }),
      node: look(colors.node, colors.node, 0, { flat: 0.75 }),
      gland: look(colors.gland, colors.gland, 0, { flat: 1.2 }),
      seed: look(colors.blast, colors.kernel, 0.7, { bump: 0.17 }),
    };
  }

  const COLORS = ["ground", "edge", "red", "white", "core", "platelet", "stem", "heart", "blast", "kernel", "bone", "marrow", "wall", "vessel", "skin", "nerve", "node", "gland"];

  /* The palette is the style sheet's, so that dark pages, high contrast and the reader's own colors are decided there. */
  function palette(place) {
    const probe = document.createElement("span");
    probe.className = "body-probe";
    place.append(probe);
    const colors = {};
    for (const name of COLORS) {
      probe.style.color = `var(--body-${name})`;
      colors[name] = getComputedStyle(probe).color.match(/[\d.]+/g).slice(0, 3).map((part) => part / 255);
    }
    const flat = getComputedStyle(probe).getPropertyValue("--body-flat").trim() === "1";
    probe.remove();
    return { colors, flat };
  }

  let solids = null; // They take a moment to make, and outlive a lost context.

  const ORDERS = {
    bone: () => {
      const bone = boneField();
      return backed(net(bone.field, [-6.8, -4.4, -2.2], [6.8, 3.9, 1.5], 0.15, bone.marrow));
    },
    vessel: () => net(vesselField, [-7.2, -3.7, -1.2], [7.2, -1, 1.6], 0.105, (p, normal) => between(0.3, -0.5, dot(normal, unit(less(p, vesselMiddle(p[0])))))),
    skin: () => net(personField, [-1.9, -4.2, -0.85], [1.9, 4.2, 0.85], 0.08),
    nerves: () => net(nervesField, [-0.5, 0.2, -0.6], [0.5, 4.1, 0.55], 0.034),
    fine: () => sphere(3),
    round: () => sphere(2),
    disc: () => disc(),
  };

  /* Adds a plain sheet below and behind, so that a tall picture has no hole. */
  function backed({ points, faces }) {
    const first = points.length / 8;
    const sheet = [[-12, -12], [12, -12], [12, -3.8], [-12, -3.8]].flatMap(([x, y]) => [x, y, -1.5, 0, 0, 1, 1, 1]);
    return { points: new Float32Array([...points, ...sheet]), faces: new Uint32Array([...faces, ...[0, 1, 2, 0, 2, 3].map((n) => n + first)]) };
  }

  /* Makes one solid after another, and lets the page answer in between. */
  async function makeSolids() {
    const made = {};
    for (const [name, order] of Object.entries(ORDERS)) {
      await new Promise((done) => setTimeout(done));
      made[name] = order();
    }
    return made;
  }

  async function stageOf(canvas, actors) {
    const gl = canvas.getContext("webgl2", { alpha: true, antialias: devicePixelRatio < 2 });
    if (!gl) return null;
    solids ??= await makeSolids();
    const solid = program(gl, SOLID);
    const cells = program(gl, CELLS);
    const meshes = Object.fromEntries(["bone", "vessel", "skin", "nerves"].map((name) => [name, mesh(gl, solids[name], [3, 3, 2])]));
    const [fine, round, discs] = ["fine", "round", "disc"].map((name) => instanced(gl, solids[name], actors.length));
    gl.enable(gl.DEPTH_TEST);
    gl.clearColor(0, 0, 0, 0);

    function record(into, place, size, turn, look) {
      const { data, used } = into;
      const at = used * RECORD;
      data.set(place, at);
      data[at + 3] = size;
      data.set(turn, at + 4);
      data.set(look, at + 8);
      into.used++;
    }

    function common({ places }, view, fade) {
      gl.uniformMatrix4fv(places.u_all, false, view.all);
      gl.uniform3fv(places.u_eye, view.eye);
      if (places.u_from) gl.uniform3fv(places.u_from, view.eye);
      gl.uniform3fv(places.u_ground, view.colors.ground);
      gl.uniform3fv(places.u_edge, view.colors.edge);
      gl.uniform1f(places.u_flat, view.flat ? 1 : 0);
      gl.uniform1f(places.u_fade, fade);
      gl.uniform1f(places.u_fog, view.whole ? 99 : view.distance - 0.6); // The body stands in clear air.
    }

    function drawSolid(name, color, second, glass = 0) {
      gl.uniform3fv(solid.places.u_color, color);
      gl.uniform3fv(solid.places.u_second, second);
      gl.uniform1f(solid.places.u_glass, glass);
      gl.bindVertexArray(meshes[name].array);
      gl.drawElements(gl.TRIANGLES, meshes[name].count, gl.UNSIGNED_INT, 0);
    }

    function drawCells(group) {
      if (!group.used) return;
      gl.bindVertexArray(group.array);
      gl.bindBuffer(gl.ARRAY_BUFFER, group.buffer);
      gl.bufferSubData(gl.ARRAY_BUFFER, 0, group.data, 0, group.used * RECORD);
      gl.drawElementsInstanced(gl.TRIANGLES, group.count, gl.UNSIGNED_INT, 0, group.used);
      group.used = 0;
    }

    /* The body is glass: first its nearest surface alone, so that nothing of its far side shines through. */
    function drawGlass(color) {
      gl.colorMask(false, false, false, false);
      drawSolid("skin", color, color, 0.5);
      gl.colorMask(true, true, true, true);
      gl.enable(gl.BLEND);
      gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
      gl.depthFunc(gl.LEQUAL);
      drawSolid("skin", color, color, 0.8);
      gl.disable(gl.BLEND);
      gl.depthFunc(gl.LESS);
    }

    function draw(view, troupe) {
      const { colors, whole, fade } = view;
      const kinds = looks(colors);
      for (const one of troupe) {
        const look = one.becomes ? blend(kinds[one.kind], kinds[one.becomes], one.turned) : kinds[one.kind];
        const reach = (one.scale / length(...less(one.place, view.eye))) * canvas.height;
        const near = reach > (look[7] > 0.1 ? NEAR / 2 : NEAR);
        record(one.kind === "red" ? discs : near ? fine : round, one.place, one.scale, one.turn, look);
      }
      gl.viewport(0, 0, canvas.width, canvas.height);
      gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
      gl.useProgram(solid.made);
      common(solid, view, fade);
      if (whole) drawSolid("nerves", colors.nerve, colors.nerve);
      else {
        drawSolid("bone", colors.bone, colors.marrow);
        drawSolid("vessel", colors.wall, colors.vessel);
      }
      gl.useProgram(cells.made);
      common(cells, view, fade);
      for (const group of [fine, round, discs]) drawCells(group);
      if (whole) {
        gl.useProgram(solid.made);
        drawGlass(colors.skin);
      }
    }

    return { draw, gl };
  }

  /* What moves: from the state that each actor had when a step began to the one that the step asks for. */

  function direct(actors, step, progress, time) {
    const shown = [];
    for (const one of actors) {
      const local = ease(clamp((progress - one.delay) / (1 - 0.55)));
      one.value = mix(one.start, one.there[step], local);
      if (one.changed) one.turned = mix(one.startTurned || 0, one.changed[step], ease(progress));
      if (one.value < 0.01) continue;
      one.scale = one.size * one.value;
      one.place = placeOf(one, time);
      if (one.scale < 0.004) continue;
      const angle = one.spin + (one.still ? 0 : time * 0.16);
      const s = Math.sin(angle / 2);
      one.turn = one.still ? [0, 0, 0, 1] : [one.tilt[0] * s, one.tilt[1] * s, one.tilt[2] * s, Math.cos(angle / 2)];
      shown.push(one);
    }
    return shown;
  }

  function placeOf(one, time) {
    if (one.lane) {
      const along = (one.offset + time * one.speed) % 1;
      const x = mix(-6.4, 6.4, along);
      one.scale *= between(0, 0.05, along) * between(1, 0.95, along);
      return add(vesselMiddle(x), [0, one.lane[0], one.lane[1]]);
    }
    if (one.path) {
      const t = (one.offset + time * 0.07) % 1;
      one.scale *= between(0, 0.18, t) * between(1, 0.82, t);
      const { from, through, to } = one.path;
      return blend(blend(from, through, ease(t)), blend(through, to, ease(t)), ease(t));
    }
    const wave = one.whole ? 0.008 : 0.045;
    const drift = one.still ? [0, 0, 0] : [Math.sin(time * 0.7 + one.phase), Math.cos(time * 0.6 + one.phase * 2), Math.sin(time * 0.5 + one.phase * 3)].map((x) => x * wave);
    if (one.born) return add(blend(one.born, one.at, Math.sqrt(one.value)), drift);
    if (one.push) return add(add(one.at, times(one.push, (1 - one.value) * 0.5)), drift);
    return add(one.at, drift);
  }

  /* The page */

  const root = document.getElementById("body");
  const find = (selector) => root.querySelector(selector);
  const stage = find(".body-stage");
  const view = find(".body-view");
  const canvas = view.querySelector("canvas");
  const names = find(".body-names");
  const spots = find(".body-spots");
  const slider = find("input[type=range]");
  const now = find(".body-now");
  const placeWords = find(".body-place");
  const message = find(".body-message");
  const doing = (name) => find(`[data-do="${name}"]`);
  const actors = cast();
  const words = [...document.querySelectorAll("[data-step]")];
  const ring = document.createElement("span");
  ring.className = "body-ring";

  let scene = null;
  let step = HEALTHY;
  let progress = 1;
  let time = 2;
  let moving = !still.matches;
  let from = VIEWS[HEALTHY];
  let target = from;
  let user = { yaw: 0, pitch: 0, zoom: 1 };
  let chosen = null;
  let asked = 0;
  let before = 0;
  let ratio = Math.min(devicePixelRatio || 1, 2);
  let slow = 0;
  let onScreen = true;
  let wholeNow = false;
  let switched = false;
  let seen = palette(stage);
  let labels = [];

  function go(next, { place = null } = {}) {
    from = camera();
    step = next;
    chosen = place;
    target = place ? { ...VIEWS[SPREAD], ...PLACES[place].view } : VIEWS[step];
    for (const one of actors) {
      one.start = one.value;
      one.startTurned = one.turned || 0;
    }
    progress = still.matches ? 1 : 0;
    labels = Object.entries(NAMED[step]);
    picked.clear();
    root.dataset.step = STEPS[step];
    tellStep();
    if (scene) wake();
    else picture();
  }

  function tellStep() {
    slider.value = step + 1;
    slider.setAttribute("aria-valuetext", root.dataset.stepOf.replace("{n}", step + 1).replace("{all}", STEPS.length));
    find('[data-go="-1"]').setAttribute("aria-disabled", String(step === 0));
    find('[data-go="1"]').setAttribute("aria-disabled", String(step === STEPS.length - 1));
    if (now.dataset.step !== STEPS[step]) {
      const copy = words[step].querySelector(".body-words").cloneNode(true);
      copy.querySelector(".body-places")?.remove();
      now.replaceChildren(...copy.childNodes);
      now.dataset.step = STEPS[step];
    }
    spots.hidden = step !== SPREAD;
    for (const button of spots.children) button.setAttribute("aria-pressed", String(button.dataset.place === chosen));
    tellPlace();
  }

  /* The words of the chosen place stand instead of the step's; before one is chosen, their names below the step's. */
  function tellPlace() {
    now.hidden = !!chosen;
    placeWords.hidden = step !== SPREAD;
    if (placeWords.hidden) return placeWords.replaceChildren();
    if (chosen) {
      // Here the name stands right below the model's heading.
      const [heading, ...rest] = document.querySelector(`[data-place-words="${chosen}"]`).cloneNode(true).children;
      const name = Object.assign(document.createElement("h3"), { textContent: heading.textContent });
      return placeWords.replaceChildren(name, ...rest);
    }
    const hint = document.createElement("p");
    hint.textContent = placeWords.dataset.look;
    const list = document.createElement("ol");
    for (const button of spots.children) list.append(Object.assign(document.createElement("li"), { textContent: button.querySelector("span").textContent }));
    placeWords.replaceChildren(hint, list);
  }

  /* Without WebGL the page's own picture of the step stands on the stage. */
  function picture() {
    find(".body-poster").replaceChildren(words[step].querySelector(".body-picture").cloneNode(true));
    const drawn = find(".body-poster svg").getBoundingClientRect();
    const around = stage.getBoundingClientRect();
    const scale = drawn.width / 640;
    const top = drawn.top - around.top + (drawn.height - 400 * scale) / 2;
    lay((id) => [456 * scale, top + DRAWN[id] * scale, false], -22);
  }

  function camera() {
    const t = ease(progress);
    return {
      target: blend(from.target, target.target, t),
      distance: mix(from.distance, target.distance, t),
      yaw: mix(from.yaw, target.yaw, t),
      pitch: mix(from.pitch, target.pitch, t),
    };
  }

  function look(width, height) {
    const { target: middle, distance: plain, yaw, pitch } = camera();
    const whole = step === SPREAD;
    // The scene changes to the whole body, and back, in the middle of a step.
    if (whole !== wholeNow && progress >= 0.3) {
      wholeNow = whole;
      switched = true;
    }
    const fade = whole !== wholeNow ? 1 - progress / 0.3 : switched ? clamp((progress - 0.3) / 0.3) : 1;
    const narrow = wholeNow ? 1 : Math.max(1, 1.42 / (width / height));
    const distance = plain * narrow * user.zoom;
    const turn = yaw + user.yaw;
    // On a narrow stage the body stands to the left, and the names of the places to its right.
    const aside = wholeNow && width / height < 1.3 ? distance * 0.125 : 0;
    const at = add(middle, [Math.cos(turn) * aside, 0, -Math.sin(turn) * aside]);
    const rise = clamp(pitch + user.pitch, -1.1, 1.1);
    const eye = add(at, times([Math.sin(turn) * Math.cos(rise), Math.sin(rise), Math.cos(turn) * Math.cos(rise)], distance));
    const all = product(perspective(ANGLE, width / height, 0.1, 60), lookAt(eye, at));
    return { all, eye, distance, whole: wholeNow, fade, ...seen };
  }

  function frame(stamp) {
    asked = 0;
    const elapsed = Math.min((stamp - before) / 1000, 0.4);
    const passed = Math.min(elapsed, 0.1);
    before = stamp;
    const width = view.clientWidth;
    const height = view.clientHeight;
    if (!width || !scene) return;
    if (moving) time += passed;
    if (progress < 1) progress = Math.min(1, progress + elapsed / 2.4);
    fit(width, height, passed);
    const eye = look(width, height);
    const shown = direct(actors, step, progress, time).filter((one) => !!one.whole === eye.whole);
    scene.draw(eye, shown);
    root.dataset.eye = eye.eye.map((one) => one.toFixed(2)).join(" ");
    if (progress === 1) switched = false;
    name(eye, shown, width, height);
    if (moving || progress < 1) wake();
  }

  function wake() {
    if (!asked && onScreen && !document.hidden) asked = requestAnimationFrame(frame);
  }

  /* A slow device draws fewer points. */
  function fit(width, height, passed) {
    slow = moving && passed > 0.045 ? slow + 1 : 0;
    if (slow > 12 && ratio > 0.75) {
      ratio *= 0.75;
      slow = 0;
    }
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  }

  /* Names and buttons stand on the stage as text, where the things are. */

  const picked = new Map();

  function project(all, p, width, height) {
    const w = all[3] * p[0] + all[7] * p[1] + all[11] * p[2] + all[15];
    const x = all[0] * p[0] + all[4] * p[1] + all[8] * p[2] + all[12];
    const y = all[1] * p[0] + all[5] * p[1] + all[9] * p[2] + all[13];
    return [(x / w / 2 + 0.5) * width, (0.5 - y / w / 2) * height, w];
  }

  function pick(kind, wish, shown) {
    const held = picked.get(kind);
    const fits = (one) => one.kind === kind && one.there[step] === 1 && (step === BLOOD ? one.lane : !one.lane && !one.path);
    if (held && shown.includes(held) && (!held.lane || Math.abs(held.place[0]) < 2.6)) return held;
    const cost = (one) => Math.hypot(one.place[0] - target.target[0] - wish[0], one.place[1] - target.target[1] - wish[1]) - one.place[2] * 0.9;
    const best = shown.filter(fits).sort((a, b) => cost(a) - cost(b))[0];
    picked.set(kind, best);
    return best;
  }

  function name(eye, shown, width, height) {
    for (const label of names.children) label.classList.remove("is-shown");
    ring.hidden = true;
    const taken = [];
    if (progress > 0.75 || still.matches)
      for (const [kind, wish] of labels) {
        const actor = kind === "changed" ? actors[0] : wish && pick(kind, wish, shown);
        const at = actor ? actor.place : FIXED[kind];
        if (!at) continue;
        const [x, y, far] = project(eye.all, at, width, height);
        if (kind === "changed") encircle(x, y, (actor.size * 1.5 * height) / (2 * Math.tan(ANGLE / 2) * far));
        const label = names.querySelector(`[data-name="${kind}"]`);
        if (x < 0 || x > width || y < 0 || y > height) continue;
        const up = actor ? (actor.size * height) / (2 * Math.tan(ANGLE / 2) * far) + (kind === "changed" ? 16 : 4) : 0;
        const half = label.offsetWidth / 2 + 4;
        const spot = [clamp(x, half, width - half), clamp(y - up, 30, height - 4)];
        if (taken.some(([a, b, wide]) => Math.abs(a - spot[0]) < wide + half && Math.abs(b - spot[1]) < 28)) continue;
        taken.push([...spot, half]);
        label.style.transform = `translate(${spot[0].toFixed(1)}px, ${spot[1].toFixed(1)}px) translate(-50%, -100%)`;
        label.classList.add("is-shown");
      }
    if (step === SPREAD)
      lay((id) => {
        const [x, y] = project(eye.all, PLACES[id].at, width, height);
        return [x, y, x > 0 && x < width && y > 0 && y < height];
      }, 44);
  }

  function encircle(x, y, radius) {
    ring.hidden = false;
    ring.style.width = ring.style.height = `${2 * radius}px`;
    ring.style.transform = `translate(${x}px, ${y}px) translate(-50%, -50%)`;
  }

  /* Puts the buttons of the places beside them, in the stage and not over each other. They stand from top to bottom. */
  function lay(where, lead) {
    const boxes = [...spots.children].map((button) => ({ button, wide: button.offsetWidth, high: button.offsetHeight, at: where(button.dataset.place) }));
    let least = 4;
    for (const box of boxes) {
      box.top = Math.max(box.at[1] - box.high / 2, least);
      least = box.top + box.high + 4;
    }
    let most = stage.clientHeight - 4;
    for (const { button, wide, high, at, top } of boxes.reverse()) {
      const [x, , line] = at;
      const left = clamp(x + lead, 4, Math.max(stage.clientWidth - wide - 4, 4));
      const y = Math.min(top, most - high);
      most = y - 4;
      button.style.transform = `translate(${left}px, ${y}px)`;
      button.style.setProperty("--lead", `${line && lead > 0 ? Math.max(left - x, 0) : 0}px`);
    }
  }

  /* Controls */

  function pause(on) {
    if (moving === !on) return;
    moving = !on;
    const button = doing("pause");
    [button.textContent, button.dataset.other] = [button.dataset.other, button.textContent];
    root.dataset.moving = moving;
    wake();
  }

  function turn(yaw, pitch) {
    const most = step === SPREAD ? 9 : 1.1;
    user.yaw = clamp(user.yaw + yaw, -most, most);
    user.pitch = clamp(user.pitch + pitch, -0.9, 0.9);
    wake();
  }

  function zoom(factor) {
    user.zoom = clamp(user.zoom * factor, 0.45, 1.6);
    wake();
  }

  function reset() {
    user = { yaw: 0, pitch: 0, zoom: 1 };
    if (chosen) go(step);
    wake();
  }

  function recolor() {
    seen = palette(stage);
    wake();
  }

  function pressed(button) {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    return on;
  }

  const ACTIONS = {
    pause: () => pause(moving),
    closer: () => zoom(1 / 1.2),
    farther: () => zoom(1.2),
    reset,
    names: (button) => (names.hidden = !pressed(button)),
    contrast: (button) => {
      root.classList.toggle("is-contrast", pressed(button));
      recolor();
    },
  };
  const KEYS = {
    ArrowLeft: () => turn(-0.14, 0),
    ArrowRight: () => turn(0.14, 0),
    ArrowUp: () => turn(0, 0.1),
    ArrowDown: () => turn(0, -0.1),
    "+": () => zoom(1 / 1.2),
    "=": () => zoom(1 / 1.2),
    "-": () => zoom(1.2),
  };

  function listen() {
    find(".body-controls").addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      if (button.dataset.go) walk(Number(button.dataset.go));
      else ACTIONS[button.dataset.do](button);
    });
    slider.addEventListener("input", () => go(slider.value - 1));
    spots.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) go(SPREAD, { place: button.dataset.place === chosen ? null : button.dataset.place });
    });
    view.addEventListener("keydown", (event) => {
      const act = !event.ctrlKey && !event.metaKey && !event.altKey && KEYS[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    });
    drag();
    document.addEventListener("visibilitychange", wake);
    new IntersectionObserver(([entry]) => {
      onScreen = entry.isIntersecting;
      wake();
    }).observe(stage);
    new ResizeObserver(() => (scene ? wake() : picture())).observe(stage);
    for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)", "(prefers-contrast: more)"]) matchMedia(query).addEventListener("change", recolor);
    still.addEventListener("change", motion);
  }

  function walk(by) {
    const next = clamp(step + by, 0, STEPS.length - 1);
    if (next !== step) go(next);
  }

  function drag() {
    let last = null;
    view.addEventListener("pointerdown", (event) => {
      last = [event.clientX, event.clientY];
      view.setPointerCapture(event.pointerId);
    });
    view.addEventListener("pointermove", (event) => {
      if (!last) return;
      turn((last[0] - event.clientX) * 0.008, event.pointerType === "touch" ? 0 : (event.clientY - last[1]) * 0.006);
      last = [event.clientX, event.clientY];
    });
    for (const end of ["pointerup", "pointercancel"]) view.addEventListener(end, () => (last = null));
  }

  /* Whoever asked for stillness gets no motion at all, and no button that would begin it. */
  function motion() {
    pause(still.matches);
    doing("pause").hidden = still.matches || !scene;
  }

  /* Beginning, and what to do without WebGL */

  async function begin() {
    try {
      scene = await stageOf(canvas, actors);
    } catch {
      scene = null; // A driver that refuses our shaders is like none.
    }
    furnish();
    message.textContent = scene ? "" : message.dataset.noModel;
  }

  /* Shows either the model with its controls or the picture. */
  function furnish() {
    root.dataset.mode = scene ? "scene" : "pictures";
    view.hidden = find(".body-view-row").hidden = find(".body-controls .hint").hidden = !scene;
    names.hidden = !scene || doing("names").getAttribute("aria-pressed") === "false";
    find(".body-poster").hidden = !!scene;
    motion();
  }

  canvas.addEventListener("webglcontextlost", (event) => {
    event.preventDefault();
    scene = null;
    furnish();
    message.textContent = message.dataset.lost;
    picture();
  });
  canvas.addEventListener("webglcontextrestored", async () => {
    await begin();
    go(step, { place: chosen });
  });

  async function start() {
    await begin();
    find(".body-start").hidden = true;
    find(".body-controls").inert = now.hidden = false;
    names.append(ring);
    root.dataset.moving = moving;
    for (const one of actors) {
      one.value = one.there[HEALTHY];
      one.turned = 0;
    }
    listen();
    go(HEALTHY);
    progress = 1;
    (scene ? view : slider).focus({ preventScroll: true });
  }

  start();
})();
