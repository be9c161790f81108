// Long lists: what is searched, in which order, which kind and which page is in the address, and asked of the server.

import { announce, fill, get, h } from "./dom.js";
import { failed } from "./notices.js";
import { _, ngettext, number } from "./words.js";
import { address, to } from "./addresses.js";

const TYPING_MS = 250;

// Show a list in a place. Options: part: of the address; path: of the server; rows(found): draws what was found;
// kinds: () => [[value, words]] to choose one from; sorts: [[value, words]]; sort, size: what is asked without a choice;
// search: words beside the search field; without any, nothing is searched. Returns what the page does with news.
export function list(place, { part, path, rows, kinds = null, sorts = [], sort = "", size = 50, search = "" }) {
  const tools = h("div", { class: "tools" });
  const body = h("div", { class: "stack" });
  let shown = "";
  let wanted = 0;
  fill(place, tools, body);
  drawTools();
  load(false);

  async function load(isNew) {
    if (!isNew && inUse(body)) return;
    const asked = address().asked;
    const query = new URLSearchParams({ size, sort: asked.get("sort") ?? sort });
    for (const name of ["search", "only", "page"]) if (asked.get(name)) query.set(name, asked.get(name));
    const mine = (wanted += 1);
    try {
      const found = await get(`${path}?${query}`);
      if (mine !== wanted) return;
      const written = JSON.stringify(found);
      if (written === shown || (!isNew && inUse(body))) return;
      shown = written;
      fill(body, rows(found), pages(found));
      if (isNew) announce(ngettext("{n} found", "{n} found", found.total));
    } catch (error) {
      if (mine === wanted) fill(body, failed(error));
    }
  }

  function drawTools() {
    const asked = address().asked;
    fill(
      tools,
      search
        ? h(
            "div",
            { class: "field grow" },
            h("label", { for: "search" }, search),
            h("input", { id: "search", type: "search", value: asked.get("search") ?? "", on: { input: typed } }),
          )
        : null,
      kinds ? choice("only", _("Show"), kinds(), asked.get("only") ?? "") : null,
      sorts.length ? choice("sort", _("In order of"), sorts, asked.get("sort") ?? sort) : null,
    );
  }

  function choice(name, words, values, chosen) {
    const options = values.map(([value, text]) => h("option", { value, selected: value === chosen }, text));
    const change = (event) => go({ [name]: event.target.value, page: "" });
    return h(
      "div",
      { class: "field" },
      h("label", { for: name }, words),
      h("select", { id: name, class: "short", on: { change } }, options),
    );
  }

  let waiting;
  function typed(event) {
    clearTimeout(waiting);
    waiting = setTimeout(() => go({ search: event.target.value, page: "" }), TYPING_MS);
  }

  // What is chosen goes to the address, without a step back for each letter that is typed.
  function go(changed) {
    history.replaceState(null, "", to(part, "", { ...Object.fromEntries(address().asked), ...changed }));
    load(true);
  }

  function pages({ page, pages: last, total }) {
    if (last === 1) return null;
    const turn = (to_) => {
      go({ page: to_ });
      place.scrollIntoView();
    };
    const button = (id, words, to_, is) =>
      h("button", { id, "aria-disabled": is ? null : "true", on: { click: () => is && turn(to_) } }, words);
    return h(
      "nav",
      { class: "row pages", "aria-label": _("Pages of the list") },
      button("before", _("Before"), page - 1, page > 1),
      h("span", {}, _("Page {page} of {last}, {total} in all", { page: number(page), last: number(last), total: number(total) })),
      button("next", _("Next"), page + 1, page < last),
    );
  }

  return {
    refresh: () => load(false),
    reload: () => load(true),
    moved: () => {
      drawTools();
      load(true);
    },
  };
}

// Whether somebody is at something in a place: what has the focus is not taken away by news.
export function inUse(place) {
  return place !== document.activeElement && place.contains(document.activeElement);
}

// A table that becomes a stack of cards where it is narrow. columns: [[words, class]]; each row: its cells.
export function table(columns, rows, { title }) {
  const heads = columns.map(([words, kind = ""]) => h("th", { scope: "col", class: kind }, words));
  const body = rows.map((cells) =>
    h(
      "tr",
      {},
      cells.map((cell, place) => {
        const [words, kind = ""] = columns[place];
        const inside = h("div", { class: "cell" }, cell);
        return place === 0
          ? h("th", { scope: "row", class: kind }, inside)
          : h("td", { class: kind, "data-label": words }, inside);
      }),
    ),
  );
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": title },
    h("table", { class: "data cards" }, h("thead", {}, h("tr", {}, heads)), h("tbody", {}, body)),
  );
}

export function nothing(words) {
  return h("p", { class: "hint" }, words);
}
