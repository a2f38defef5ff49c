// charts.js: Small charts of the last ten minutes, as SVG: one column of figures per ten seconds.
import {h, svg, put, count} from "./dom.js";

const WIDTH = 360, HEIGHT = 96, POINTS = 60;

/// A rounded number above the largest value: 1, 2 or 5 times a power of ten.
function ceiling(value) {
  if (value <= 0) return 1;
  const unit = 10 ** Math.floor(Math.log10(value));
  for (const times of [1, 2, 5, 10]) if (value <= times * unit) return times * unit;
  return value;
}

/// series: [{name, class, fill}], update([[figures]...]) with one list per series. `write` makes text of a figure.
export function chart(title, series, write = count) {
  const top = svg("text", {x: 0, y: 9, class: "tick"});
  const middle = svg("line", {x1: 0, x2: WIDTH, y1: HEIGHT / 2, y2: HEIGHT / 2, class: "grid"});
  const lines = series.map(s => svg("path", {class: "curve " + s.class}));
  const areas = series.map(s => (s.fill ? svg("path", {class: "area " + s.class}) : null));
  const cursor = svg("line", {y1: 0, y2: HEIGHT, class: "cursor", visibility: "hidden"});
  const picture = svg(
    "svg",
    {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": title},
    svg("line", {x1: 0, x2: WIDTH, y1: 0.5, y2: 0.5, class: "grid"}), middle,
    svg("line", {x1: 0, x2: WIDTH, y1: HEIGHT - 0.5, y2: HEIGHT - 0.5, class: "grid base"}), areas, lines, cursor);
  const values = series.map(() => h("b"));
  const legend = h("div", {class: "legend"},
                   series.map((s, i) => h("span", null, h("i", {class: "key " + s.class}), s.name, " ", values[i])));
  const scale = h("span", {class: "scale"}), when = h("span", {class: "when"});
  const node = h("figure", {class: "chart"}, h("figcaption", null, h("h3", null, title), when), legend,
                 h("div", {class: "plot"}, picture, scale));
  let latest = series.map(() => []), at = null;

  function read() {
    const last = latest[0].length - 1, index = at === null ? last : Math.max(0, last - (POINTS - 1 - at));
    values.forEach((v, i) => put(v, latest[i].length ? write(latest[i][index] || 0) : "\u2013"));
    put(when, at === null || last < 0 ? "" : `\u2212${(last - index) * 10} s`);
  }

  picture.addEventListener("pointermove", e => {
    const box = picture.getBoundingClientRect();
    at = Math.round(((e.clientX - box.left) / box.width) * (POINTS - 1));
    cursor.setAttribute("visibility", "visible");
    cursor.setAttribute("x1", (at / (POINTS - 1)) * WIDTH);
    cursor.setAttribute("x2", (at / (POINTS - 1)) * WIDTH);
    read();
  });
  picture.addEventListener("pointerleave", () => {
    at = null;
    cursor.setAttribute("visibility", "hidden");
    read();
  });

  return {
    node,
    update(columns) {
      latest = columns;
      const most = ceiling(Math.max(0, ...columns.flat()));
      put(scale, write(most));
      columns.forEach((values, i) => {
        const x = n => ((POINTS - values.length + n) / (POINTS - 1)) * WIDTH;
        const y = v => HEIGHT - 1 - (v / most) * (HEIGHT - 3);
        const path = values.map((v, n) => `${n ? "L" : "M"}${x(n).toFixed(1)} ${y(v).toFixed(1)}`).join("");
        lines[i].setAttribute("d", path);
        if (areas[i] && values.length)
          areas[i].setAttribute("d", `${path}L${WIDTH} ${HEIGHT}L${x(0).toFixed(1)} ${HEIGHT}Z`);
      });
      read();
    },
  };
}
