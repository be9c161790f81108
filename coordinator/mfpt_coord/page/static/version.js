// One version: of which updates it was made, or of which groups under masks, and what each of them moved.

import { fill, get, h } from "./dom.js";
import { hue } from "./colours.js";
import { failed } from "./notices.js";
import { nothing, table } from "./lists.js";
import { languageLink } from "./phrases.js";
import { _, languageName, ngettext, number, percent, when } from "./words.js";
import { to } from "./addresses.js";

export function version(place, name) {
  load(place, name);
  return {};
}

async function load(place, name) {
  try {
    fill(place, draw(await get(`/api/versions/${encodeURIComponent(name)}`)));
  } catch (error) {
    fill(place, failed(error));
  }
}

function draw(found) {
  const made = ngettext("Made {when}, {n} language moved.", "Made {when}, {n} languages moved.", found.languages, { when: when(found.at) });
  return [
    h("p", {}, h("a", { href: "#/versions" }, _("All versions"))),
    h("h1", {}, _("Version {version}", { version: number(found.version) })),
    h("p", {}, made, " ", found.masked ? _("Updates came under masks: what a single one moved, nobody knows; these are the groups.") : ""),
    found.parts.length ? parts(found) : nothing(_("It went back to earlier prompts, and was made of no updates.")),
    found.more ? h("p", { class: "hint" }, ngettext("{n} more, which moved less, is not shown.", "{n} more, which moved less, are not shown.", found.more)) : null,
  ];
}

function parts(found) {
  const columns = [
    [found.masked ? _("Group") : _("Device")],
    [found.masked ? _("Languages") : _("Language")],
    [_("Examples"), "number"],
    [_("Versions late"), "number"],
    [_("Share of all that moved"), "number"],
    [_("Moved most")],
  ];
  const whole = found.parts.reduce((sum, part) => sum + part.part, 0) || 1;
  return table(columns, found.parts.map((part) => cells(part, whole)), { title: _("What it was made of") });
}

function cells(part, whole) {
  const who = part.group ? ngettext("{n} device", "{n} devices", part.devices) : h("a", { href: to("devices", part.device) }, part.device);
  return [
    who,
    h("span", { class: "several" }, part.languages.map((one) => languageLink(one.language, one.name))),
    number(part.examples),
    number(part.staleness),
    percent(part.part / whole, 1),
    h("ul", { class: "moved" }, part.moved.slice(0, 4).map(moved)),
  ];
}

function moved(one) {
  return h("li", {}, h("span", { class: `swatch ${hue(one.language)}`, "aria-hidden": "true" }), h("bdi", {}, languageName(one.language, one.name || one.language)), ` ${percent(one.part)}`);
}
