// The plan: every key with what it means, and which of them can be changed while the federation runs.

import { fill, get, h } from "./dom.js";
import { failed } from "./notices.js";
import { nothing } from "./lists.js";
import { _ } from "./words.js";

export function plan(place) {
  load(place);
  return {};
}

async function load(place) {
  try {
    draw(place, await get("/api/plan"));
  } catch (error) {
    fill(place, failed(error));
  }
}

function draw(place, found) {
  const sections = h("div", { class: "stack" });
  const search = h("input", { id: "search", type: "search", on: { input: () => show() } });
  const changed = h("input", { id: "changed", type: "checkbox", on: { change: () => show() } });
  const show = () => {
    const wanted = search.value.trim().toLowerCase();
    const matches = (one) => (!changed.checked || !one.usual) && `${one.key} ${one.meaning}`.toLowerCase().includes(wanted);
    const shown = found.sections.map((section) => ({ ...section, keys: section.keys.filter(matches) })).filter((section) => section.keys.length);
    fill(sections, shown.length ? shown.map(sectionCard) : nothing(_("No key is like that.")));
  };
  fill(
    place,
    h("h1", {}, _("Plan")),
    h("p", {}, _("Devices follow this plan, {digest}. To change it: mfpt-coord plan apply, which says first what would change.", { digest: found.digest })),
    h("div", { class: "tools" }, h("div", { class: "field grow" }, h("label", { for: "search" }, _("Search keys and meanings")), search), h("label", { class: "choice" }, changed, h("span", {}, _("only what is not the default")))),
    sections,
  );
  show();
}

function sectionCard(section) {
  return h(
    "section",
    { class: "card stack" },
    h("h2", {}, h("code", {}, section.name)),
    h("p", { class: "hint", lang: "en" }, section.meaning),
    h("dl", { class: "keys" }, section.keys.map(keyRow)),
  );
}

function keyRow(one) {
  const name = one.key.slice(one.key.indexOf(".") + 1);
  return h(
    "div",
    { class: "entry" },
    h("dt", {}, h("code", {}, name)),
    h("dd", { class: "value" }, h("code", {}, written(one.value)), one.usual ? null : h("span", { class: "tag" }, _("not the default")), one.may_change ? h("span", { class: "tag soft" }, _("may change under way")) : null),
    h("dd", { class: "hint", lang: "en" }, one.meaning),
  );
}

function written(value) {
  return Array.isArray(value) ? value.map((one) => JSON.stringify(one)).join(", ") || "[]" : JSON.stringify(value);
}
