// What left this computer: every message, with its time, its size, and what each field of it says, to the byte.

import { fill, foreign, get, h, showing } from "./dom.js";
import { failed } from "./notices.js";
import { kindOfMessage } from "./phrases.js";
import { _, bytes, number, when } from "./words.js";

const MOST = 1000;
const AT_ONCE = 25;
// What a device says of itself every few seconds while it works; there is next to nothing in it.
const SHORT_REPORTS = new Set(["state", "last-will"]);

export function sent(place, device) {
  const totals = h("div");
  const list = h("div");
  const problem = h("div", { role: "alert" });
  const known = { last: 0, messages: [], open: new Set(), shown: AT_ONCE, all: false };
  document.title = `${_("What left this computer")} – mfpt`;
  fill(
    place,
    h(
      "div",
      { class: "stack tight" },
      h("h1", {}, _("What left this computer")),
      h(
        "p",
        {},
        _(
          "Every message that this computer has sent, to the byte. Your sentences are in none of them: look for yourself.",
        ),
      ),
    ),
    problem,
    totals,
    list,
  );
  const showTotals = showing(totals, (report) => report.totals, totalsCard);
  let asking = false;
  return async () => {
    if (asking) return;
    asking = true;
    try {
      const report = await get(`/api/sent?at=${encodeURIComponent(device.at)}&after=${known.last}`);
      fill(problem);
      if (report.last === known.last && known.last) return;
      known.last = report.last;
      known.messages = [...report.messages.toReversed(), ...known.messages].slice(0, MOST);
      showTotals(report);
      drawList(list, known);
    } catch (error) {
      fill(problem, failed(error));
    } finally {
      asking = false;
    }
  };
}

function totalsCard(totals) {
  const rows = Object.entries(totals).sort((a, b) => b[1].bytes - a[1].bytes);
  const all = rows.reduce((sum, [, total]) => sum + total.bytes, 0);
  if (!rows.length) return null;
  return h(
    "section",
    { class: "card stack" },
    h("h2", {}, _("In all: {size}", { size: bytes(all) })),
    h(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": _("Messages by kind") },
      h(
        "table",
        { class: "data" },
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            h("th", { scope: "col" }, _("Kind of message")),
            h("th", { scope: "col", class: "number" }, _("Messages")),
            h("th", { scope: "col", class: "number" }, _("Size")),
          ),
        ),
        h(
          "tbody",
          {},
          rows.map(([kind, total]) =>
            h(
              "tr",
              {},
              h("th", { scope: "row" }, kindOfMessage(kind)),
              h("td", { class: "number" }, number(total.messages)),
              h("td", { class: "number" }, bytes(total.bytes)),
            ),
          ),
        ),
      ),
    ),
  );
}

// The newest messages; those that are open stay open.
function drawList(place, known) {
  if (!known.messages.length) return fill(place, h("p", { class: "hint" }, _("Nothing has left this computer yet.")));
  const wanted = known.messages.filter((message) => known.all || !SHORT_REPORTS.has(message.kind));
  const redraw = () => drawList(place, known);
  const box = h("input", {
    type: "checkbox",
    id: "all-messages",
    checked: known.all,
    on: {
      change: () => {
        known.all = box.checked;
        redraw();
      },
    },
  });
  const more = () => {
    known.shown += AT_ONCE;
    redraw();
  };
  fill(
    place,
    h(
      "section",
      { class: "card stack" },
      h("h2", {}, _("The newest first")),
      h(
        "label",
        { class: "choice", for: "all-messages" },
        box,
        h("span", {}, _("Also the short reports of whether it is there, and what it does")),
      ),
      h(
        "div",
        { class: "messages" },
        wanted.slice(0, known.shown).map((message) => messageLine(message, known.open)),
      ),
      wanted.length > known.shown
        ? h("div", {}, h("button", { id: "more", on: { click: more } }, _("Show more")))
        : null,
    ),
  );
}

function messageLine(message, open) {
  const inside = h("div", { class: "inside stack tight" });
  const toggled = () => {
    if (line.open) open.add(message.number);
    else open.delete(message.number);
    if (line.open && !inside.firstChild) fill(inside, partsOf(message));
  };
  const line = h(
    "details",
    { class: "message", open: open.has(message.number), on: { toggle: toggled } },
    h(
      "summary",
      { id: `message-${message.number}` },
      h("span", { class: "time" }, when(message.at)),
      h("span", { class: "what" }, kindOfMessage(message.kind)),
      h("span", { class: "size" }, bytes(message.bytes)),
    ),
    inside,
  );
  if (line.open) fill(inside, partsOf(message));
  return line;
}

function partsOf({ parts, payload_bytes, bytes: all, topic }) {
  return [
    h(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": _("Parts of the message") },
      h(
        "table",
        { class: "data parts" },
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            h("th", { scope: "col" }, _("Part")),
            h("th", { scope: "col" }, _("What it says")),
            h("th", { scope: "col", class: "number" }, _("Bytes")),
          ),
        ),
        h(
          "tbody",
          {},
          parts.map((part) =>
            h(
              "tr",
              {},
              h(
                "th",
                { scope: "row" },
                part.says ? _(part.says) : foreign(part.name),
                h("br"),
                h("small", { class: "code" }, foreign(part.name)),
              ),
              h("td", { class: "value" }, foreign(part.value)),
              h("td", { class: "number" }, number(part.bytes)),
            ),
          ),
        ),
      ),
    ),
    h(
      "p",
      { class: "hint" },
      _("{inside} bytes in these parts, and {around} around them: where it is published ({topic}), and the packet.", {
        inside: number(payload_bytes),
        around: number(all - payload_bytes),
        topic,
      }),
    ),
  ];
}
