// Charts in SVG, drawn as wide as their place is. Each has a title, and its numbers as a table for whoever prefers them.

import { h, svg } from "./dom.js";
import { dash, hue, mark } from "./colours.js";
import { _, number, percent } from "./words.js";

const HEIGHT = 220;
const MARGIN = { top: 14, right: 14, bottom: 42, left: 46 };

// Lines over a number such as the version.
// series: [{ key, name, points: [[x, y], …], look? }]; `key` gives the colour, `look` another one: { hue, dash, mark }.
// Options: title; x: what the horizontal axis counts; format: how y is written; low, high: ends of the vertical axis.
export function lineChart(series, { title, x, format = percent, low = null, high = null }) {
  const shown = series.filter((one) => one.points.length > 0);
  const place = h("div", { class: "chart-place" });
  const draw = (width) => place.replaceChildren(lines(shown, { title, x, format, width, ...ends(shown, low, high) }));
  whenSized(place, draw);
  return h(
    "figure",
    { class: "chart" },
    h("figcaption", {}, title),
    legend(shown),
    place,
    asTable(shown, { title, x, format }),
  );
}

// Horizontal bars. rows: [{ key, name, value }], largest first; format: how a value is written.
export function bars(rows, { title, format = percent }) {
  const most = Math.max(...rows.map((row) => row.value), 1e-9);
  const drawn = rows.map((row) => {
    const bar = h("span", { class: `bar ${hue(row.key)}` });
    bar.style.setProperty("--share", String(Math.max(0, row.value) / most));
    return h(
      "li",
      {},
      h("bdi", { class: "bar-name", dir: "auto" }, row.name),
      h("span", { class: "bar-track", "aria-hidden": "true" }, bar),
      h("span", { class: "bar-value" }, format(row.value)),
    );
  });
  return h("figure", { class: "chart" }, h("figcaption", {}, title), h("ul", { class: "bars" }, drawn));
}

// A table whose cells are the darker the more they say. rows, columns: [{ key, name }]; value(row, column): 0..1 or null.
export function heatMap(rows, columns, value, { title, corner = "", format = percent }) {
  const head = h(
    "tr",
    {},
    h("th", { scope: "col", class: "corner" }, corner),
    columns.map((column) => h("th", { scope: "col" }, h("span", { dir: "auto" }, column.name))),
  );
  const body = rows.map((row) =>
    h(
      "tr",
      {},
      h(
        "th",
        { scope: "row" },
        h("span", { class: `swatch ${hue(row.key)}`, "aria-hidden": "true" }),
        h("bdi", { dir: "auto" }, row.name),
      ),
      columns.map((column) => heatCell(value(row, column), format)),
    ),
  );
  return h(
    "figure",
    { class: "chart" },
    h("figcaption", {}, title),
    h(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": title },
      h("table", { class: "heat" }, h("thead", {}, head), h("tbody", {}, body)),
    ),
  );
}

function heatCell(value, format) {
  if (value === null || value === undefined) return h("td", { class: "none" }, "·");
  const cell = h("td", { class: value > 0.55 ? "strong" : "" }, format(value));
  cell.style.setProperty("--heat", String(Math.min(1, Math.max(0, value))));
  return cell;
}

function whenSized(place, draw) {
  let width = 0;
  new ResizeObserver(() => {
    if (place.clientWidth === width || place.clientWidth === 0) return;
    width = place.clientWidth;
    draw(width);
  }).observe(place);
}

function ends(series, low, high) {
  const values = series.flatMap((one) => one.points.map((point) => point[1]));
  const least = Math.min(...values),
    most = Math.max(...values);
  const spare = Math.max((most - least) * 0.1, 0.02);
  // What is drawn here are shares: none is below 0 or above 1.
  return { low: low ?? Math.max(0, least - spare), high: high ?? Math.min(1, most + spare) };
}

function lines(series, { title, x, format, width, low, high }) {
  const xs = series.flatMap((one) => one.points.map((point) => point[0]));
  const first = Math.min(...xs),
    last = Math.max(...xs);
  const across = (value) =>
    MARGIN.left + ((value - first) / (last - first || 1)) * (width - MARGIN.left - MARGIN.right);
  const down = (value) =>
    HEIGHT - MARGIN.bottom - ((value - low) / (high - low || 1)) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const spoken = series
    .map((one) => `${one.name}: ${format(one.points[0][1])} → ${format(one.points.at(-1)[1])}`)
    .join("; ");
  return svg(
    "svg",
    { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img", "aria-label": `${title}. ${spoken}` },
    steps(low, high, 4).map((value) => [
      svg("line", { class: "grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: down(value), y2: down(value) }),
      svg("text", { class: "tick", x: MARGIN.left - 8, y: down(value) + 4, "text-anchor": "end" }, format(value)),
    ]),
    wholeSteps(first, last, Math.max(2, Math.floor(width / 90))).map((value) =>
      svg(
        "text",
        { class: "tick", x: across(value), y: HEIGHT - MARGIN.bottom + 17, "text-anchor": "middle" },
        number(value),
      ),
    ),
    svg("text", { class: "axis", x: width - MARGIN.right, y: HEIGHT - 2, "text-anchor": "end" }, x),
    series.map((one) => line(one, across, down, format)),
  );
}

function line(one, across, down, format) {
  const look = lookOf(one);
  const path = one.points
    .map(([x, y], index) => `${index ? "L" : "M"}${across(x).toFixed(1)} ${down(y).toFixed(1)}`)
    .join("");
  const marks = one.points.length <= 40 ? one.points : [one.points.at(-1)];
  return svg(
    "g",
    { class: look.hue },
    svg("path", { class: "line", d: path, "stroke-dasharray": look.dash }),
    marks.map(([x, y]) =>
      svg(
        "path",
        { class: "mark", d: markPath(look.mark, across(x), down(y)) },
        svg("title", {}, `${one.name}, ${number(x)}: ${format(y)}`),
      ),
    ),
  );
}

function lookOf(one) {
  return one.look ?? { hue: hue(one.key), dash: dash(one.key), mark: mark(one.key) };
}

function markPath(kind, x, y) {
  const r = 4;
  if (kind === "square") return `M${x - r} ${y - r}h${2 * r}v${2 * r}h${-2 * r}z`;
  if (kind === "diamond") return `M${x} ${y - r - 1}L${x + r + 1} ${y}L${x} ${y + r + 1}L${x - r - 1} ${y}z`;
  if (kind === "triangle") return `M${x} ${y - r - 1}L${x + r + 1} ${y + r}L${x - r - 1} ${y + r}z`;
  return `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`;
}

function legend(series) {
  return h(
    "ul",
    { class: "legend" },
    series.map((one) => {
      const look = lookOf(one);
      const sample = svg(
        "svg",
        { width: 30, height: 12, "aria-hidden": "true", class: look.hue },
        svg("line", { class: "line", x1: 0, x2: 30, y1: 6, y2: 6, "stroke-dasharray": look.dash }),
        svg("path", { class: "mark", d: markPath(look.mark, 15, 6) }),
      );
      return h("li", {}, sample, h("bdi", { dir: "auto" }, one.name));
    }),
  );
}

function asTable(series, { title, x, format }) {
  const rows = [...new Set(series.flatMap((one) => one.points.map((point) => point[0])))].sort((a, b) => a - b);
  const cell = (one, at) => one.points.find((point) => point[0] === at)?.[1];
  return h(
    "details",
    { class: "numbers" },
    h("summary", {}, _("Show the numbers")),
    h(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": title },
      h(
        "table",
        { class: "data" },
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            h("th", { scope: "col" }, x),
            series.map((one) => h("th", { scope: "col" }, h("bdi", { dir: "auto" }, one.name))),
          ),
        ),
        h(
          "tbody",
          {},
          rows.map((at) =>
            h(
              "tr",
              {},
              h("th", { scope: "row" }, number(at)),
              series.map((one) => h("td", {}, cell(one, at) === undefined ? "–" : format(cell(one, at)))),
            ),
          ),
        ),
      ),
    ),
  );
}

// Round numbers between two ends, some `count` of them.
function steps(low, high, count) {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough);
  const found = [];
  for (let index = Math.ceil(low / step); index * step <= high + step * 1e-9; index += 1) found.push(index * step);
  return found;
}

function wholeSteps(first, last, count) {
  return [
    ...new Set(
      steps(first, last === first ? first + 1 : last, count).filter(
        (value) => Number.isInteger(value) && value <= last,
      ),
    ),
  ];
}
