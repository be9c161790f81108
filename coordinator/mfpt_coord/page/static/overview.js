// The overview: is every language better for it, who is stuck, what is there to do, and what does it wait for.

import { fill, h, showing } from "./dom.js";
import { DOING, VERDICTS, alarm, doing, trouble, verdict } from "./phrases.js";
import { _, ngettext, number, percent } from "./words.js";
import { to } from "./addresses.js";

const SHOWN_OF_A_KIND = 3;

export function overview(place) {
  const [standing, attention, next, devices, figures] = [1, 2, 3, 4, 5].map(() => h("div"));
  fill(place, standing, h("div", { class: "columns" }, attention, h("div", { class: "stack" }, next, devices)), figures);
  const shows = [
    showing(standing, (state) => [state.verdicts, state.version, state.noisy], standingCard),
    showing(attention, (state) => [state.alarms, state.problems, counts(state)], attentionCard),
    showing(next, (state) => [state.next, state.masked], nextCard),
    showing(devices, (state) => state.devices, devicesCard),
    showing(figures, (state) => [state.updates, state.failed_logins, state.refused, state.staleness], figuresCard),
  ];
  return { told: (state) => shows.forEach((show) => show(state)) };
}

// One sentence, and a bar of all languages by whether they are better for it.
function standingCard([verdicts, version, noisy]) {
  const total = VERDICTS.reduce((sum, one) => sum + verdicts[one], 0);
  const measured = total - verdicts.unmeasured - verdicts.new;
  return h(
    "section",
    { class: "card stack" },
    h("h1", {}, sentence(verdicts, measured, total, version, noisy)),
    total ? verdictBar(verdicts, total) : null,
    total ? null : h("p", {}, h("a", { href: to("invitations") }, _("Make an invitation"))),
    total && !noisy ? h("p", { class: "hint" }, _("Judged on examples that devices hold out: now, against when a language was first measured, and against its best version.")) : null,
    total && noisy ? h("p", { class: "hint" }, _("Their owners see it; what devices measure would give away what noise hides.")) : null,
  );
}

function sentence(verdicts, measured, total, version, noisy) {
  if (!total) return _("No language yet: invite the first devices");
  if (!version) return _("No version yet: it is made once enough devices have trained");
  if (noisy && !measured) return _("Under noise, devices tell nobody whether languages are better for it");
  if (!measured) return _("It is too early to say whether languages are better for it");
  if (verdicts.better === measured)
    return ngettext("The one measured language is better for it", "All {n} measured languages are better for it", measured);
  const better = ngettext("{n} of {total} measured languages is better for it", "{n} of {total} measured languages are better for it", verdicts.better, { total: number(measured) });
  if (!verdicts.worse) return better;
  return `${better}; ${ngettext("{n} is getting worse", "{n} are getting worse", verdicts.worse)}`;
}

function verdictBar(verdicts, total) {
  const shown = ["better", "same", "worse", "new", "unmeasured"].filter((one) => verdicts[one]);
  const part = (one) => {
    const element = h("span", { class: `part ${one}` });
    element.style.setProperty("--share", String(verdicts[one] / total));
    return element;
  };
  return h(
    "div",
    { class: "stack tight" },
    h("div", { class: "verdicts", "aria-hidden": "true" }, shown.map(part)),
    h(
      "ul",
      { class: "legend" },
      shown.map((one) =>
        h("li", {}, h("a", { href: to("languages", "", { only: one }) }, h("span", { class: `key ${one}`, "aria-hidden": "true" }), `${number(verdicts[one])} ${verdict(one)[0]}`)),
      ),
    ),
  );
}

// How many there are of each kind; only the first ones are told one by one.
function counts({ verdicts, devices, nearly_spent }) {
  return { worse: verdicts.worse, failing: devices.kinds.failing ?? 0, budget: nearly_spent, logins: 0 };
}

function attentionCard([alarms, problems, totals]) {
  const troubles = Object.keys(problems).map(trouble);
  if (!alarms.length && !troubles.length)
    return h("section", { class: "card" }, h("h2", {}, _("Nothing needs you")), h("p", { class: "hint" }, _("A language that gets worse, a device that only fails, refused logins and budgets nearly spent would stand here.")));
  const kinds = ["worse", "logins", "failing", "budget"].map((kind) => [kind, alarms.filter((one) => one.kind === kind)]);
  return h(
    "section",
    { class: "card stack attention" },
    h("h2", {}, _("Needs you")),
    troubles.map((words) => h("p", { class: "notice bad" }, words)),
    kinds.filter(([, some]) => some.length).map(([kind, some]) => kindOfAlarms(kind, some, totals[kind])),
  );
}

function kindOfAlarms(kind, some, known) {
  const shown = some.slice(0, SHOWN_OF_A_KIND).map(alarm);
  const more = Math.max(known, some.length) - shown.length;
  const all = { worse: to("languages", "", { only: "worse" }), failing: to("devices", "", { only: "failing" }), budget: to("devices", "", { sort: "spent" }) }[kind];
  return h(
    "div",
    { class: "stack tight alarms" },
    h("ul", {}, shown.map(({ line, href }) => h("li", { class: kind === "budget" ? "alarm warn" : "alarm bad" }, href ? h("a", { href }, line) : line))),
    more > 0 ? h("a", { class: "more", href: all }, ngettext("and {n} more", "and {n} more", more)) : null,
    h("p", { class: "hint" }, shown[0].advice),
  );
}

function nextCard([next, masked]) {
  const line = waiting(next, masked);
  const bar = next.finished ? null : h("div", { class: "row" }, h("progress", { max: Math.max(1, next.needed), value: Math.min(next.updates, next.needed), "aria-label": _("Updates for the next version") }), h("span", {}, _("{updates} of {needed} updates", { updates: number(next.updates), needed: number(next.needed) })));
  return h(
    "section",
    { class: "card stack" },
    h("h2", {}, _("The next version")),
    h("p", {}, line),
    bar,
    h(
      "dl",
      { class: "facts" },
      fact(_("at work"), _("{training} of at most {places}", { training: number(next.training), places: number(next.places) })),
      fact(_("could start"), number(next.ready)),
      next.joining ? fact(_("new languages"), ngettext("{n} waits for its distances", "{n} wait for their distances", next.joining)) : null,
      next.offers === null ? null : fact(_("offered under masks"), _("{offers}; {group} make a group", { offers: number(next.offers), group: number(next.group) })),
    ),
  );
}

function waiting(next, masked) {
  if (next.finished) return _("There is none: the last version was made, and devices leave.");
  if (masked && next.offers > 0 && next.offers < next.group) return _("It waits for more offers: too few make no group.");
  if (next.training) return _("It waits for the devices at work.");
  if (next.updates) return _("It is made soon: nobody else is at work.");
  if (next.ready) return _("Devices are about to start.");
  return _("Nothing moves: no device is at work, and none could start.");
}

function devicesCard({ total, online, kinds }) {
  const shown = DOING.filter((kind) => kind !== "failing" && kinds[kind]);
  const most = Math.max(...shown.map((kind) => kinds[kind]), 1);
  return h(
    "section",
    { class: "card stack" },
    h("h2", {}, _("Devices")),
    h("dl", { class: "figures" }, figure(_("online"), number(online)), figure(_("known"), number(total))),
    h(
      "ul",
      { class: "bars" },
      shown.map((kind) => {
        const [words, look] = doing(kind);
        const bar = h("span", { class: `bar tone ${look || "plain"}` });
        bar.style.setProperty("--share", String(kinds[kind] / most));
        return h(
          "li",
          {},
          h("a", { class: "bar-name", href: to("devices", "", { only: kind }) }, words),
          h("span", { class: "bar-track", "aria-hidden": "true" }, bar),
          h("span", { class: "bar-value" }, number(kinds[kind])),
        );
      }),
    ),
  );
}

function figuresCard([updates, failed, refused, staleness]) {
  const reasons = Object.entries(refused);
  const late = Object.entries(staleness).filter(([behind]) => behind !== "0").reduce((sum, [, count]) => sum + count, 0);
  const all = Object.values(staleness).reduce((sum, count) => sum + count, 0);
  return h(
    "section",
    { class: "card stack" },
    h("h2", {}, _("Updates and messages")),
    h(
      "dl",
      { class: "figures" },
      figure(_("updates taken"), number(updates.accepted)),
      figure(_("rejected"), number(updates.rejected)),
      figure(_("too old"), number(updates.stale)),
      figure(_("sent twice"), number(updates.duplicate)),
      all ? figure(_("came a version late, or more"), percent(late / all)) : null,
      figure(_("refused logins"), number(failed)),
      reasons.length ? figure(_("refused messages"), number(reasons.reduce((sum, [, count]) => sum + count, 0))) : null,
    ),
  );
}

function figure(name, value) {
  return h("div", {}, h("dt", {}, name), h("dd", {}, value));
}

function fact(name, value) {
  return [h("dt", {}, name), h("dd", {}, value)];
}
