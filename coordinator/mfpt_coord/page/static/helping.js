// Which language helps which: a heat map, some languages at a time.

import { fill, foreign, h } from "./dom.js";
import { hue } from "./colours.js";
import { list, nothing } from "./lists.js";
import { VERDICTS, languageLink, verdict } from "./phrases.js";
import { _, languageName, ngettext, number, percent } from "./words.js";

export function helping(place, page) {
  const body = h("div", { class: "stack" });
  fill(
    place,
    h("h1", {}, _("Who helps whom")),
    h("p", { class: "hint" }, _("Each row shows what moved the prompt of one language in the newest ten versions. The darker, the larger the share of the language above.")),
    body,
  );
  const kinds = () => [["", _("all languages")], ...VERDICTS.map((one) => [one, `${verdict(one)[0]} (${number(page.state.verdicts[one])})`])];
  const sorts = [
    ["examples", _("examples, most first")],
    ["language", _("code")],
    ["verdict", _("what needs you first")],
    ["own_share", _("own share, most first")],
  ];
  return list(body, { part: "helping", path: "/api/helping", rows, kinds, sorts, sort: "examples", size: 30, search: _("Search languages") });
}

function rows({ rows: learners, columns, parts, others }) {
  if (!learners.length) return nothing(_("No language is like that."));
  if (!columns.length) return nothing(_("No version was made yet: nothing has moved a prompt."));
  const title = _("What moved each language");
  const head = h(
    "tr",
    {},
    h("th", { scope: "col" }, _("Language")),
    h("th", { scope: "col", class: "own" }, _("Keeps of its own")),
    columns.map((column) =>
      h("th", { scope: "col", class: "source" }, h("span", { title: nameOf(column) }, h("span", { class: `swatch ${hue(column.language)}`, "aria-hidden": "true" }), foreign(nameOf(column)))),
    ),
  );
  const body = learners.map((row) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, languageLink(row.language, row.name)),
      h("td", { class: "own" }, percent(row.own_share)),
      columns.map((column) => cell(row, column, parts[row.language]?.[column.language])),
    ),
  );
  return [
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": title }, h("table", { class: "dense" }, h("thead", {}, head), h("tbody", {}, body))),
    scale(),
    others ? h("p", { class: "hint" }, ngettext("{n} more language helps a little, and has no column.", "{n} more languages help a little, and have no column.", others)) : null,
  ];
}

const nameOf = (one) => languageName(one.language, one.name || one.language);

function cell(row, column, part) {
  const own = row.language === column.language;
  if (!part) return h("td", { class: own ? "self" : "" });
  const words = own ? _("{language} itself: {part}", { language: nameOf(row), part: percent(part) }) : _("{language} from {other}: {part}", { language: nameOf(row), other: nameOf(column), part: percent(part) });
  const element = h("td", { class: own ? "self" : "", title: words }, h("span", { class: "visually-hidden" }, percent(part)));
  element.style.setProperty("--heat", shade(part));
  return element;
}

// Shares of a few percent are what matters beside a language's own: the root lets them be seen.
const shade = (part) => Math.sqrt(Math.min(1, part)).toFixed(3);

function scale() {
  return h(
    "p",
    { class: "scale hint", "aria-hidden": "true" },
    [0.01, 0.05, 0.2, 0.5, 1].map((part) => {
      const sample = h("span", { class: "sample" });
      sample.style.setProperty("--heat", shade(part));
      return h("span", {}, sample, percent(part));
    }),
    h("span", {}, h("span", { class: "sample self" }), _("itself")),
  );
}
