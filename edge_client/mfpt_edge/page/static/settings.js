// When this computer may work, what it learns from, and the way out.

import { fill, foreign, h, post, showing } from "./dom.js";
import { courtesyForm } from "./courtesy.js";
import { chooseFile, lookedAt } from "./files.js";
import { failed, notice } from "./notices.js";
import { _, bytes } from "./words.js";

export function settings(place, device) {
  document.title = `${_("Settings")} – mfpt`;
  const when = h("div"),
    file = h("div"),
    way = h("div");
  fill(place, h("h1", {}, _("Settings")), when, file, way);
  const shows = [
    showing(
      when,
      (state) => state.device.report?.settings ?? state.device.settings,
      (now) => whenCard(now, device),
    ),
    showing(
      file,
      (state) =>
        state.device.known && {
          known: state.device.known,
          file: state.device.file,
          runs: state.device.running !== "no",
        },
      (shown) => shown && fileCard(shown, device),
    ),
    showing(
      way,
      (state) => state.device.report?.broker ?? "",
      () => wayOut(device),
    ),
  ];
  return (state) => shows.forEach((show) => show(state));
}

function whenCard(now, device) {
  const saved = h("div", { role: "status" });
  const save = async (wanted) => {
    const state = await post("/api/settings", { at: device.at, settings: wanted });
    device.changed(state);
    document.getElementById("saved")?.replaceChildren(notice(_("Saved. It counts from now on."), "good"));
  };
  saved.id = "saved";
  return h(
    "section",
    { class: "card stack" },
    h("h2", {}, _("When this computer may work")),
    courtesyForm(now, _("Save"), save),
    saved,
  );
}

function fileCard({ known, file, runs }, device) {
  const place = h("div", { class: "stack" });
  fill(
    place,
    file
      ? h(
          "p",
          {},
          file.file
            ? [foreign(file.called), " ", h("small", {}, bytes(file.bytes))]
            : _("The data that the federation names"),
        )
      : null,
    runs
      ? h("p", { class: "hint" }, _("To learn from another file, stop it first."))
      : chooseFile(device.at, known.language, (looked) => fill(place, lookedAt(looked))),
  );
  return h("section", { class: "card stack" }, h("h2", {}, _("Your sentences")), place);
}

function wayOut(device) {
  const dialog = leaveDialog(device);
  return h(
    "section",
    { class: "card stack" },
    h("h2", {}, _("Leave the federation")),
    h(
      "p",
      {},
      _("To stop for a while, use the button of the overview: nothing is lost then. Here you leave for good."),
    ),
    h("div", {}, h("button", { class: "danger", id: "leave", on: { click: () => dialog.showModal() } }, _("Leave …"))),
    dialog,
  );
}

function leaveDialog(device) {
  const problem = h("div", { role: "alert" });
  const leave = async () => {
    try {
      const state = await post("/api/leave", { at: device.at, forget: true });
      dialog.close();
      device.go("", state.devices.length ? "devices" : "join");
    } catch (error) {
      fill(problem, failed(error));
    }
  };
  const dialog = h(
    "dialog",
    { "aria-labelledby": "leave-title" },
    h(
      "div",
      { class: "stack" },
      h("h2", { id: "leave-title" }, _("Leave the federation for good?")),
      h(
        "p",
        {},
        _(
          "This computer removes what it keeps: what it has learned, what waits to be sent, the copy of your file, and its membership. It asks the server to forget it as well.",
        ),
      ),
      h(
        "p",
        {},
        _(
          "What it has added to earlier versions stays in them: it was added up with that of the others, and cannot be taken out. To come back you need a new invitation.",
        ),
      ),
      problem,
      h(
        "div",
        { class: "row" },
        h("button", { on: { click: () => dialog.close() } }, _("Stay")),
        h("button", { class: "danger", on: { click: leave } }, _("Leave and remove everything")),
      ),
    ),
  );
  return dialog;
}
