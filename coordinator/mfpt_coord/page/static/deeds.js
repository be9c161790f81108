// Who did what: the newest thousand lines of the audit table.

import { fill, foreign, h } from "./dom.js";
import { list, nothing, table } from "./lists.js";
import { action } from "./phrases.js";
import { _, when } from "./words.js";

export function deeds(place) {
  const body = h("div", { class: "stack" });
  fill(place, h("h1", {}, _("Who did what")), body);
  return list(body, { part: "log", path: "/api/audit", rows, size: 50, search: _("Search the log") });
}

function rows({ rows: found }) {
  if (!found.length) return nothing(_("Nobody has done anything yet."));
  const columns = [[_("When")], [_("Who")], [_("What")], [_("In detail")]];
  return table(columns, found.map((one) => [when(one.at), foreign(one.by || "–"), h("span", {}, action(one.action), " ", h("code", {}, one.subject)), foreign(one.detail, "span")]), { title: _("Who did what") });
}
