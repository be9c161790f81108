// All languages: whether each is better for the federation, and from which others it learns.

import { fill, h } from "./dom.js";
import { VERDICTS, languageLink, pill, points, verdict } from "./phrases.js";
import { list, nothing, table } from "./lists.js";
import { hue } from "./colours.js";
import { spark } from "./spark.js";
import { _, languageName, number, percent } from "./words.js";

export function languages(place, page) {
  const head = h("h1", {}, _("Languages"));
  const body = h("div", { class: "stack" });
  fill(place, head, body);
  const kinds = () => [
    ["", _("all languages")],
    ...VERDICTS.map((one) => [one, `${verdict(one)[0]} (${number(page.state.verdicts[one])})`]),
  ];
  const sorts = [
    ["verdict", _("what needs you first")],
    ["language", _("code")],
    ["gain", _("gain, least first")],
    ["accuracy", _("accuracy, least first")],
    ["own_share", _("own share, most first")],
    ["devices", _("devices, most first")],
    ["examples", _("examples, most first")],
  ];
  return list(body, { part: "languages", path: "/api/languages", rows, kinds, sorts, sort: "verdict", size: 40, search: _("Search languages") });
}

function rows({ rows: found }) {
  if (!found.length) return nothing(_("No language is like that."));
  const columns = [
    [_("Language")],
    [_("Better for it?")],
    [_("Accuracy"), "number"],
    [_("At its best"), "number"],
    [_("Points gained"), "number"],
    [_("Since it came"), "curve"],
    [_("Keeps of its own"), "number"],
    [_("Learns from")],
    [_("Devices"), "number"],
  ];
  return table(columns, found.map(cells), { title: _("Languages") });
}

function cells(row) {
  return [
    languageLink(row.language, row.name),
    pill(verdict(row.verdict)),
    percent(row.accuracy),
    percent(row.best),
    points(row.first, row.accuracy),
    spark(row.spark, row.language),
    percent(row.own_share),
    helpers(row),
    number(row.devices),
  ];
}

// The languages that it learns from, as one bar in their colours, and the first of them in words.
function helpers({ language, helpers: found }) {
  const others = found.filter((one) => one.language !== language && one.part >= 0.005);
  if (!others.length) return h("span", { class: "soft" }, found.length ? _("itself alone") : "–");
  const part = (one) => {
    const element = h("span", { class: `part ${hue(one.language)}` });
    element.style.setProperty("--share", String(one.part));
    return element;
  };
  const first = others.slice(0, 2).map((one) => `${languageName(one.language, one.name || one.language)} ${percent(one.part)}`);
  return h("div", { class: "helpers" }, h("span", { class: "mix", "aria-hidden": "true" }, found.map(part)), h("span", {}, first.join(", ")));
}
