// One language: its curve, what moves it, whom it moves, its devices, and the way back.

import { fill, foreign, get, h } from "./dom.js";
import { bars, lineChart } from "./charts.js";
import { figuresCard } from "./frame.js";
import { deviceTable } from "./devices.js";
import { failed } from "./notices.js";
import { pill, points, verdict } from "./phrases.js";
import { goBack } from "./going_back.js";
import { inUse } from "./lists.js";
import { _, languageName, number, percent } from "./words.js";

const MOST_BARS = 12;

export function languageDetail(place, code) {
  let shown = "";
  async function load(isNew) {
    try {
      const found = await get(`/api/languages/${encodeURIComponent(code)}`);
      const written = JSON.stringify(found);
      if (written === shown || (!isNew && inUse(place))) return;
      shown = written;
      fill(place, draw(found, () => load(true)));
    } catch (error) {
      fill(place, failed(error));
    }
  }
  load(true);
  return { refresh: () => load(false) };
}

function draw({ row, curve, went_back, learns_from, helps, kept, devices }, load) {
  const name = languageName(row.language, row.name || row.language);
  return [
    h("p", {}, h("a", { href: "#/languages" }, _("All languages"))),
    h("div", { class: "row" }, foreign(name, "h1"), h("code", {}, row.language), pill(verdict(row.verdict))),
    figures(row),
    curveCard(row, curve, went_back),
    h("div", { class: "columns" }, mixCard(learns_from, _("Learns from"), _("Shares of what moved its prompt in the newest ten versions."), _("Nothing has moved it lately.")), mixCard(helps, _("Helps"), _("Its share of what moved the others."), _("It has moved no other language lately."))),
    goBack(row, kept, load),
    h("section", { class: "card stack" }, h("h2", {}, _("Its devices")), devices.length ? deviceTable(devices, false) : h("p", { class: "hint" }, _("No device speaks it."))),
  ];
}

function figures(row) {
  return figuresCard([
    [_("accuracy now"), percent(row.accuracy)],
    [_("points gained"), points(row.first, row.accuracy)],
    [_("at its best"), percent(row.best)],
    [_("keeps of its own"), percent(row.own_share)],
    [_("devices"), number(row.devices)],
    [_("examples they hold"), number(row.examples)],
  ]);
}

function curveCard(row, curve, wentBack) {
  const line = (key, name, place, look) => ({ key, name, look, points: curve.filter((point) => point[place] !== null).map((point) => [point[0], point[place]]) });
  const series = [
    line(row.language, _("accuracy on held-out examples"), 2),
    line("own", _("share of their own that its devices keep"), 3, { hue: "hue-7", dash: "2 3", mark: "diamond" }),
  ].filter((one) => one.points.length);
  const back = Object.entries(wentBack).map(([version, source]) => _("version {version} went back to {source}", { version: number(Number(version)), source: number(source) }));
  return h(
    "section",
    { class: "card stack" },
    series.length ? lineChart(series, { title: _("From version to version"), x: _("version"), low: 0, high: 1 }) : [h("h2", {}, _("From version to version")), h("p", { class: "hint" }, _("A curve stands here once its devices have measured a version."))],
    back.length ? h("p", { class: "hint" }, back.join("; ")) : null,
  );
}

function mixCard(found, title, hint, none) {
  if (!found.length) return h("section", { class: "card stack" }, h("h2", {}, title), h("p", { class: "hint" }, none));
  const rows = found.slice(0, MOST_BARS).map((one) => ({ key: one.language, name: languageName(one.language, one.name || one.language), value: one.part }));
  return h("section", { class: "card stack" }, bars(rows, { title }), h("p", { class: "hint" }, hint));
}
