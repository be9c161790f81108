// All devices: what each does or waits for, those first that somebody should see to.

import { fill, foreign, h } from "./dom.js";
import { list, nothing, table } from "./lists.js";
import { DOING, doing, languageLink, pill } from "./phrases.js";
import { _, lasting, number, percent, when } from "./words.js";
import { to } from "./addresses.js";

export function devices(place, page) {
  const body = h("div", { class: "stack" });
  fill(place, h("h1", {}, _("Devices")), body);
  const kinds = () => {
    const { kinds: counts, total } = page.state.devices;
    const known = DOING.filter((kind) => counts[kind]);
    return [["", _("all ({count})", { count: number(total) })], ...known.map((kind) => [kind, `${doing(kind)[0]} (${number(counts[kind])})`])];
  };
  const sorts = [
    ["doing", _("what needs you first")],
    ["seen", _("heard last")],
    ["language", _("language")],
    ["accuracy", _("accuracy, least first")],
    ["folded", _("updates, most first")],
    ...(page.state.budget ? [["spent", _("budget spent, most first")]] : []),
  ];
  const rows = ({ rows: found }) =>
    found.length ? deviceTable(found, page.state.budget > 0) : nothing(_("No device is like that."));
  return list(body, { part: "devices", path: "/api/devices", rows, kinds, sorts, sort: "doing", size: 50, search: _("Search devices") });
}

export function deviceTable(found, hasBudget) {
  const columns = [
    [_("Device")],
    [_("Language")],
    [_("What it does")],
    [_("Heard")],
    [_("Accuracy"), "number"],
    [_("Updates in versions"), "number"],
    ...(hasBudget ? [[_("Budget spent"), "number"]] : []),
    [_("Runs on")],
  ];
  return table(columns, found.map((row) => cells(row, hasBudget)), { title: _("Devices") });
}

function cells(row, hasBudget) {
  return [
    h("span", { class: "two" }, h("a", { href: to("devices", row.id) }, foreign(row.name || row.id)), row.name ? h("code", { class: "soft" }, row.id) : null),
    languageLink(row.language, row.language_name),
    doingNow(row),
    row.last_seen ? ago(row.last_seen) : "–",
    percent(row.accuracy),
    number(row.folded),
    ...(hasBudget ? [row.epsilon === null ? "–" : number(row.epsilon, 2)] : []),
    foreign(row.runs_on || "–", "span", { class: "soft" }),
  ];
}

// What it does, and how far it is; a device that only fails says so whatever it does.
export function doingNow(row) {
  const [words, look, meaning] = doing(row.doing);
  const progress = row.doing === "training" && row.progress > 0 ? ` ${percent(row.progress)}` : "";
  return h(
    "span",
    { class: "two" },
    row.failures >= 3 && row.doing !== "revoked" ? pill(doing("failing")) : null,
    pill([words + progress, look, meaning]),
  );
}

export function ago(seconds) {
  const passed = Date.now() / 1000 - seconds;
  return passed < 86_400 ? _("{time} ago", { time: lasting(Math.max(0, Math.round(passed))) }) : when(seconds);
}
