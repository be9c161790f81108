// How it goes: what the device does, one button for what to do about it, how well it does, and who helps.

import { announce, fill, foreign, h, post, showing } from "./dom.js";
import { bars, lineChart } from "./charts.js";
import { figuresCard } from "./frame.js";
import { chooseFile, lookedAt } from "./files.js";
import { failed, sentence } from "./notices.js";
import { goingOn } from "./phrases.js";
import { _, bytes, languageName, lasting, number, percent } from "./words.js";

export function overview(place, device) {
  const now = h("div"),
    figures = h("div"),
    curve = h("div"),
    helpers = h("div"),
    file = h("div");
  fill(place, now, file, figures, h("div", { class: "columns" }, curve, helpers));
  let said = "";
  const shows = [
    showing(
      now,
      (state) => picked(state.device),
      (shown) => nowCard(shown, device),
    ),
    showing(
      file,
      (state) => needsFile(state.device) && state.device.known,
      (known) => (known ? fileCard(known, device) : null),
    ),
    showing(figures, (state) => counts(state.device), countsCard),
    showing(curve, (state) => curveOf(state.device), curveCard),
    showing(helpers, (state) => helpersOf(state.device), helpersCard),
  ];
  return (state) => {
    shows.forEach((show) => show(state));
    const { line } = goingOn(state.device);
    document.title = `${line} – mfpt`;
    if (said && line !== said) announce(line);
    said = line;
  };
}

// What the first card shows; progress in whole percents, so that it is not drawn again all the time.
function picked(one) {
  const snapshot = one.report?.snapshot;
  return {
    going: goingOn(one),
    running: one.running,
    paused: one.report?.settings.paused ?? false,
    training: snapshot?.phase === "training",
    progress: Math.round((snapshot?.progress ?? 0) * 100),
    why: one.report?.pause || (snapshot?.phase === "preparing" ? "" : snapshot?.waits_for) || "",
    advice: snapshot?.advice ?? "",
    problem: one.problem,
    result: one.result,
    ready: Boolean(one.file) || one.running !== "no",
  };
}

function needsFile(one) {
  return one.running === "no" && !one.file && one.known;
}

function nowCard(shown, device) {
  const { line, look, dot } = shown.going;
  const problem = h("div", { role: "alert" });
  const order =
    (path, body = {}) =>
    async () => {
      try {
        device.changed(await post(path, { at: device.at, ...body }));
      } catch (error) {
        fill(problem, failed(error));
      }
    };
  return h(
    "section",
    { class: "card now" },
    h("span", { class: `pill ${look}` }, dot),
    h("h1", {}, line),
    shown.training && !shown.paused && shown.running !== "no"
      ? h(
          "div",
          { class: "turn" },
          h("progress", { max: 100, value: shown.progress, "aria-label": _("This turn") }),
          h("small", {}, percent(shown.progress / 100)),
        )
      : null,
    shown.why && !shown.paused ? foreign(sentence(shown.why), "p") : null,
    shown.advice && !shown.paused ? foreign(sentence(shown.advice), "p", { class: "hint" }) : null,
    shown.problem ? h("div", { class: "notice bad" }, foreign(sentence(shown.problem.error), "p")) : null,
    shown.result?.rounds !== undefined ? outcome(shown.result) : null,
    problem,
    buttons(shown, order),
  );
}

function buttons({ running, paused, ready }, order) {
  if (running === "no")
    return h(
      "div",
      { class: "row" },
      ready ? h("button", { class: "primary", id: "start", on: { click: order("/api/join") } }, _("Start")) : null,
    );
  return h(
    "div",
    { class: "row" },
    running === "starting"
      ? null
      : paused
        ? h("button", { class: "primary", id: "resume", on: { click: order("/api/resume") } }, _("Go on"))
        : h("button", { class: "primary", id: "pause", on: { click: order("/api/pause") } }, _("Pause")),
    h("button", { id: "stop", on: { click: order("/api/leave") } }, _("Stop for now")),
  );
}

// A device that was begun elsewhere has no file that the page could start with.
function fileCard(known, device) {
  const place = h("div", { class: "stack" });
  const give = () =>
    fill(
      place,
      h("h2", {}, _("Your sentences")),
      h("p", {}, _("To start it from here, give the file with your sentences once.")),
      chooseFile(device.at, known.language, (looked) =>
        fill(
          place,
          h("h2", {}, _("Your sentences")),
          lookedAt(looked),
          h("div", {}, h("button", { on: { click: give } }, _("Choose another file"))),
        ),
      ),
      h(
        "div",
        {},
        h(
          "button",
          { class: "quiet", on: { click: () => post("/api/no-file", { at: device.at }) } },
          _("I have no file: use the data that the federation names"),
        ),
      ),
    );
  give();
  return h("section", { class: "card" }, place);
}

function counts(device) {
  const { report } = device;
  if (!report) return null;
  const { rounds, version, examples, seconds_left } = report.snapshot;
  const measured = curveOf(device).findLast((point) => (point.used ?? point.federated) !== null);
  const used = measured?.used ?? measured?.federated ?? null;
  return { rounds, version, examples, uploaded: report.uploaded, used, left: seconds_left };
}

function countsCard(found) {
  if (!found) return null;
  return figuresCard([
    found.used === null ? null : [_("right, of your sentences kept aside"), percent(found.used)],
    [_("contributions taken"), number(found.rounds)],
    [_("version of what all have learned"), found.version === null ? "–" : number(found.version)],
    found.examples ? [_("sentences to learn from"), number(found.examples)] : null,
    [_("sent this month"), bytes(found.uploaded)],
    found.left === null ? null : [_("to go, about"), lasting(found.left)],
  ]);
}

function curveOf(device) {
  // A device may measure an earlier version after a later one.
  const curve = [...(device.report?.snapshot.curve ?? [])].sort((a, b) => a.version - b.version);
  return curve.map(({ version, federated, alone, used, language }) => ({
    version,
    federated,
    alone,
    used,
    language,
  }));
}

function curveCard(points) {
  const line = (key, name, look) => ({
    key,
    name,
    look,
    points: points.filter((point) => point[key] !== null).map((point) => [point.version, point[key]]),
  });
  const series = [
    line("used", _("what this computer uses"), { hue: "hue-0", dash: "", mark: "circle" }),
    line("federated", _("what all have learned together"), { hue: "hue-2", dash: "6 3", mark: "square" }),
    line("alone", _("your sentences alone"), { hue: "hue-1", dash: "2 3", mark: "triangle" }),
    line("language", _("all devices of your language"), { hue: "hue-4", dash: "8 3 2 3", mark: "diamond" }),
  ].filter((one) => one.points.length);
  if (!series.length)
    return h(
      "section",
      { class: "card stack" },
      h("h2", {}, _("How well it does")),
      h("p", { class: "hint" }, _("A curve stands here once this computer has checked its first version.")),
    );
  return h(
    "section",
    { class: "card" },
    lineChart(series, { title: _("Right answers on your sentences kept aside"), x: _("version") }),
  );
}

function helpersOf(device) {
  const { helped_by: helped = {}, language } = device.report?.snapshot ?? {};
  return { helped, own: language };
}

function helpersCard({ helped, own }) {
  const name = (code) =>
    code === own ? _("{language} (yours)", { language: languageName(code) }) : languageName(code);
  const rows = Object.entries(helped)
    .sort((a, b) => b[1] - a[1])
    .map(([code, value]) => ({ key: code, name: name(code), value }));
  if (!rows.length)
    return h(
      "section",
      { class: "card stack" },
      h("h2", {}, _("Languages that help yours")),
      h("p", { class: "hint" }, _("They stand here once the others' contributions have been added up.")),
    );
  return h(
    "section",
    { class: "card" },
    bars(rows, { title: _("Languages that help yours, by their part in the newest version") }),
  );
}

function outcome(result) {
  const row = (name, value) => (value === null ? null : [h("dt", {}, name), h("dd", {}, percent(value))]);
  return h(
    "div",
    { class: "stack tight" },
    h("h2", {}, _("What it was good for")),
    h("p", { class: "hint" }, _("Right answers on your sentences kept aside:")),
    h(
      "dl",
      { class: "facts" },
      row(_("at the beginning"), result.accuracy_before),
      row(_("your sentences alone"), result.accuracy_alone),
      row(_("what all have learned together"), result.accuracy_after),
      row(_("what this computer uses"), result.accuracy_personal),
    ),
  );
}
