// When this computer may work, and how much it may send: the settings, as a form.

import { fill, h } from "./dom.js";
import { failed } from "./notices.js";
import { _ } from "./words.js";

const MEGABYTE = 1e6;

// A form that begins with settings; `save` gets them as they were changed. It may raise Refused.
export function courtesyForm(settings, name, save, hint = "") {
  const [from, to] = hoursOf(settings.hours);
  const hours = tick(
    "hours",
    _("Only at certain hours"),
    Boolean(settings.hours),
    h("label", { for: "from" }, _("from")),
    h("input", { type: "time", id: "from", class: "short", value: from }),
    h("label", { for: "to" }, _("to")),
    h("input", { type: "time", id: "to", class: "short", value: to }),
  );
  const battery = tick("battery", _("Not while it runs on battery"), settings.on_battery === "pause");
  const load = tick("load", _("Not while other programs keep it busy"), settings.max_load !== null);
  const upload = tick(
    "upload",
    _("Send only so much in a month"),
    settings.max_upload !== null,
    h("input", {
      type: "number",
      id: "megabytes",
      class: "short",
      min: 1,
      max: 100000,
      step: 1,
      value: String(Math.round((settings.max_upload ?? 50 * MEGABYTE) / MEGABYTE)),
    }),
    h("label", { for: "megabytes" }, _("megabytes")),
  );
  const problem = h("div", { role: "alert" });
  const button = h("button", { class: "primary" }, name);
  const submit = async (event) => {
    event.preventDefault();
    if (button.getAttribute("aria-disabled")) return;
    button.setAttribute("aria-disabled", "true");
    fill(problem);
    try {
      await save(read());
    } catch (error) {
      fill(problem, failed(error));
    } finally {
      button.removeAttribute("aria-disabled");
    }
  };
  const value = (id) => document.getElementById(id).value;
  const read = () => ({
    ...settings,
    hours: hours.ticked() ? `${value("from")}-${value("to")}` : "",
    on_battery: battery.ticked() ? "pause" : "train",
    max_load: load.ticked() ? (settings.max_load ?? 1) : null,
    max_upload: upload.ticked() ? Math.round(Number(value("megabytes")) * MEGABYTE) : null,
  });
  return h(
    "form",
    { class: "stack", on: { submit } },
    h(
      "fieldset",
      { class: "stack" },
      h("legend", { class: "visually-hidden" }, _("When this computer may work")),
      hours.place,
      battery.place,
      load.place,
      upload.place,
    ),
    problem,
    hint ? h("p", { class: "hint" }, hint) : null,
    h("div", {}, button),
  );
}

// A box to tick, and what belongs to it while it is ticked.
function tick(id, text, ticked, ...belongs) {
  const more = h("div", { class: "indented", hidden: !ticked }, belongs);
  const box = h("input", {
    type: "checkbox",
    id,
    checked: ticked,
    on: {
      change: () => {
        more.hidden = !box.checked;
      },
    },
  });
  return {
    place: h(
      "div",
      { class: "stack tight" },
      h("label", { class: "choice", for: id }, box, h("span", {}, text)),
      belongs.length ? more : null,
    ),
    ticked: () => box.checked,
  };
}

// `22-6` or `9:30-17` as two times that a browser's field takes.
function hoursOf(written) {
  const found = /^(\d{1,2})(?::(\d{2}))?-(\d{1,2})(?::(\d{2}))?$/.exec(written.replaceAll(" ", ""));
  if (!found) return ["22:00", "06:00"];
  const time = (hour, minute) => `${String(Number(hour) % 24).padStart(2, "0")}:${minute ?? "00"}`;
  return [time(found[1], found[2]), time(found[3], found[4])];
}
