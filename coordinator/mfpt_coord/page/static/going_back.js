// The way back: an earlier prompt of a language becomes its newest version, if the operator says so twice.

import { announce, fill, h, post } from "./dom.js";
import { asked } from "./asking.js";
import { failed } from "./notices.js";
import { _, languageName, number, percent } from "./words.js";

export function goBack(row, kept, done) {
  const versions = kept.versions.toReversed();
  const outcome = h("div", { role: "status" });
  const name = languageName(row.language, row.name || row.language);
  if (!versions.length)
    return h("section", { class: "card stack" }, h("h2", {}, _("Go back")), h("p", { class: "hint" }, _("No earlier version of it is kept; serve --keep 30d would keep some.")));
  const choice = h(
    "select",
    { id: "back-to", class: "short" },
    versions.map((version) => h("option", { value: version, selected: version === kept.best }, version === kept.best ? _("version {version}, its best: {accuracy}", { version: number(version), accuracy: percent(kept.accuracy) }) : _("version {version}", { version: number(version) }))),
  );
  async function go() {
    const to = Number(choice.value);
    const question = _("Make version {version} of {language} the newest one again? Devices follow at once; updates under way still count.", { version: number(to), language: name });
    if (!(await asked(question, _("Go back"), "danger"))) return;
    try {
      const report = await post(`/api/languages/${encodeURIComponent(row.language)}/rollback`, { to });
      announce(_("Done: version {version} has the earlier prompt.", { version: number(report.version) }));
      await done();
    } catch (error) {
      fill(outcome, failed(error));
    }
  }
  return h(
    "section",
    { class: "card stack" },
    h("h2", {}, _("Go back")),
    h("p", { class: "hint" }, _("An earlier prompt becomes a new version, which devices follow as they do every other.")),
    h("div", { class: "row" }, h("label", { for: "back-to" }, _("To")), choice, h("button", { class: "danger", on: { click: go } }, _("Go back …"))),
    outcome,
  );
}
