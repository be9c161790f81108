// What the coordinator's words mean, in a few words for people.

import { _, languageName, ngettext, number, percent } from "./words.js";
import { foreign, h } from "./dom.js";
import { hue } from "./colours.js";
import { to } from "./addresses.js";

export const VERDICTS = ["worse", "same", "better", "new", "unmeasured"];

// Whether a language is better for the federation: [words, look of the pill].
export function verdict(one) {
  return {
    worse: [_("getting worse"), "bad"],
    same: [_("no better yet"), "warn"],
    better: [_("better"), "good"],
    new: [_("measured once"), ""],
    unmeasured: [_("not measured"), ""],
  }[one];
}

// What a device does or waits for: [words, look, what it means].
export function doing(one) {
  return {
    training: [_("training"), "good", _("It is at work on a version.")],
    uploading: [_("sending"), "good", _("It sends its update.")],
    version: [_("waits for a version"), "good", _("It has trained from the newest version, and waits for the next.")],
    place: [_("waits for its turn"), "", _("As many devices as may are at work; the plan's aggregation.concurrency says how many.")],
    masks: [_("waits for others"), "", _("It holds its update until enough others offer theirs to add up.")],
    prompt: [_("waits for a first prompt"), "", _("Its language is new: distances to the others are looked up first.")],
    preparing: [_("getting ready"), "", _("It is there, and has not said yet that it can train.")],
    late: [_("past its time"), "warn", _("Another device may have its place by now; its update still counts when it comes.")],
    rejected: [_("pauses"), "warn", _("Its last update was rejected; it is asked again after a minute.")],
    done: [_("done"), "", _("It makes no more rounds, and listens for the last prompt.")],
    offline: [_("offline"), "", _("It is not there.")],
    revoked: [_("revoked"), "", _("You have excluded it.")],
    unseen: [_("never seen"), "", _("It was admitted, and has said nothing since.")],
    looking: [_("reads only"), "", _("It fetches prompts or sees the status, and trains nothing.")],
    failing: [_("only fails"), "bad", _("It was assigned version after version, and sent no update that counts.")],
  }[one];
}

export const DOING = [
  "failing", "late", "rejected", "training", "uploading", "version", "place", "masks", "prompt", "preparing", "done", "offline",
  "unseen", "looking", "revoked",
];

export function role(one) {
  return { device: _("device: it trains"), reader: _("reader: it fetches prompts"), monitor: _("monitor: it also sees the status") }[one] ?? one;
}

// An alarm: what is wrong, what to do, and where to look; null: nowhere on this page.
export function alarm({ kind, subject, value, limit, name }) {
  if (kind === "worse")
    return {
      line: _("{language} is getting worse: {now} now, {best} at its best", { language: languageName(subject, name || subject), now: percent(value), best: percent(limit) }),
      advice: _("Look at its curve, and go back to the best version if it stays so."),
      href: to("languages", subject),
    };
  if (kind === "failing")
    return {
      line: _("{device} only fails: assigned {count} versions, and no update that counts", { device: name || subject, count: number(value) }),
      advice: _("Ask its owner for the last lines of its log, or revoke it."),
      href: to("devices", subject),
    };
  if (kind === "logins")
    return {
      line: ngettext("{n} refused login in the last hour", "{n} refused logins in the last hour", value),
      advice: _("Somebody tries passwords, or a device has lost its membership: the coordinator's log says from where."),
      href: null,
    };
  return {
    line: _("{device} has spent {spent} of its privacy budget of {budget}", { device: name || subject, spent: number(value, 2), budget: number(limit, 2) }),
    advice: _("A device whose budget is spent makes no more updates."),
    href: to("devices", subject),
  };
}

// A problem of the coordinator itself, which its own words explain.
export function trouble(check) {
  return {
    broker: _("The broker is not connected, or does not deliver: no device can be heard."),
    leadership: _("Something else has taken the place of this coordinator's messages: is another one running?"),
    store: _("The state cannot be saved: is the disk full? Devices keep their updates until it can."),
  }[check];
}

export function action(one) {
  return {
    start: _("started"),
    invite: _("invited"),
    withdraw: _("withdrew invitation"),
    revoke: _("revoked device"),
    rename: _("renamed device"),
    plan: _("changed the plan"),
    rollback: _("went back"),
    restore: _("put a backup back"),
    forget: _("forgot devices"),
  }[one] ?? one;
}

// A language by its colour and name, as a link to it.
export function languageLink(code, name) {
  if (!code) return h("span", {}, "–");
  return h(
    "a",
    { class: "language", href: to("languages", code), title: code },
    h("span", { class: `swatch ${hue(code)}`, "aria-hidden": "true" }),
    foreign(languageName(code, name || code)),
  );
}

export function pill([words, look, meaning = ""]) {
  return h("span", { class: `pill small ${look}`, title: meaning || null }, words);
}

// So many points of a hundred more or less than before; null: a dash.
export function points(before, now) {
  if (before === null || now === null) return "–";
  const gained = Math.round((now - before) * 100);
  return gained > 0 ? `+${number(gained)}` : gained < 0 ? `−${number(-gained)}` : "±0";
}
