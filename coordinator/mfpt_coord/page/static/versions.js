// All versions, newest first.

import { fill, h } from "./dom.js";
import { list, nothing, table } from "./lists.js";
import { _, ngettext, number, when } from "./words.js";
import { to } from "./addresses.js";

export function versions(place) {
  const body = h("div", { class: "stack" });
  fill(place, h("h1", {}, _("Versions")), body);
  return list(body, { part: "versions", path: "/api/versions", rows, size: 50 });
}

function rows({ rows: found }) {
  if (!found.length) return nothing(_("No version was made yet."));
  const columns = [[_("Version")], [_("Made")], [_("Of")]];
  return table(columns, found.map(cells), { title: _("Versions") });
}

function cells(row) {
  return [
    h("a", { href: to("versions", String(row.version)) }, number(row.version)),
    when(row.at),
    row.back === null ? ngettext("{n} update", "{n} updates", row.updates) : ngettext("went back to version {source} in {n} language", "went back to version {source} in {n} languages", row.languages, { source: number(row.back) }),
  ];
}
