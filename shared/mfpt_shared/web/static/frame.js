// What goes around the parts of every page: the way past the header, the choice of a language, and the tabs.

import { h } from "./dom.js";
import { _, language, ownName } from "./words.js";

// The first thing that the keyboard reaches; it leads to the element with the id `main`.
export function skipLink() {
  return h("a", { class: "skip", href: "#main", on: { click: skip } }, _("Skip to the content"));
}

function skip(event) {
  event.preventDefault();
  document.getElementById("main").focus();
}

// A choice among the languages that the page speaks; `chosen` gets the tag of the new one.
export function languageChoice(spoken, chosen) {
  return h(
    "label",
    { class: "row", for: "language" },
    h("span", { class: "visually-hidden" }, _("Language of this page")),
    h(
      "select",
      { id: "language", class: "short", on: { change: (event) => chosen(event.target.value) } },
      spoken.map((tag) => h("option", { value: tag, selected: tag === language(), lang: tag }, ownName(tag))),
    ),
  );
}

// Links to the parts of a page: part -> name, the part that is shown, and where a part lies.
export function partTabs(names, shown, hrefOf) {
  return h(
    "nav",
    { class: "tabs", "aria-label": _("Parts of this page") },
    Object.entries(names).map(([part, name]) =>
      h("a", { href: hrefOf(part), "aria-current": part === shown ? "page" : null }, name),
    ),
  );
}

// A card of figures: pairs of a name and a value; null is left out.
export function figuresCard(pairs) {
  return h(
    "section",
    { class: "card" },
    h("h2", { class: "visually-hidden" }, _("In numbers")),
    h(
      "dl",
      { class: "figures" },
      pairs.filter((pair) => pair !== null).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
    ),
  );
}
