// What left this computer: every message, with its time, its size, and what each field of it says, to the byte.

import { fill, foreign, get, h, showing } from "./dom.js";
import { failed } from "./notices.js";
import { kindOfMessage } from "./phrases.js";
import { _, bytes, ngettext, number, when } from "./words.js";

const MOST = 300;

export function sent(place, device) {
  const totals = h("div"),
    list = h("div"),
    problem = h("div", { role: "alert" });
  const known = { last: 0, messages: [] };
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
  const look = async () => {
    if (asking) return;
    asking = true;
    try {
      const report = await get(`/api/sent?at=${encodeURIComponent(device.at)}&after=${known.last}`);
      if (!report.messages.length && known.last) return;
      known.last = report.last;
      known.messages = [...report.messages.toReversed(), ...known.messages].slice(0, MOST);
      if (Object.keys(report.totals).length) showTotals(report);
      grow(list, report.messages, known.messages.length);
      fill(problem);
    } catch (error) {
      fill(problem, failed(error));
    } finally {
      asking = false;
    }
  };
  return look;
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

// New messages go to the top; those that are open stay open.
function grow(place, messages, count) {
  if (!count) return fill(place, h("p", { class: "hint" }, _("Nothing has left this computer yet.")));
  let list = place.querySelector(".messages");
  if (!list) {
    list = h("div", { class: "messages" });
    fill(place, h("section", { class: "card stack" }, h("h2", {}, _("The newest first")), list));
  }
  for (const message of messages) list.prepend(messageLine(message));
  while (list.children.length > MOST) list.lastElementChild.remove();
}

function messageLine(message) {
  const inside = h("div", { class: "inside stack tight" });
  const line = h(
    "details",
    {
      class: "message",
      on: {
        toggle: () => {
          if (line.open && !inside.firstChild) fill(inside, partsOf(message));
        },
      },
    },
    h(
      "summary",
      {},
      h("span", { class: "time" }, when(message.at)),
      h("span", { class: "what" }, kindOfMessage(message.kind)),
      h("span", { class: "size" }, bytes(message.bytes)),
    ),
    inside,
  );
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
                foreign(part.says || part.name),
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
      ngettext("One byte in these parts", "{n} bytes in these parts", payload_bytes),
      ngettext(
        ", and one around them: where it is published ({topic}), and the packet.",
        ", and {n} around them: where it is published ({topic}), and the packet.",
        all - payload_bytes,
        { topic },
      ),
    ),
  ];
}
