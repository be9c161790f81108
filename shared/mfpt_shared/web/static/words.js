// What the page says, in the reader's language. `_` and `ngettext` are what gettext calls them; scripts/words finds them.

import { get } from "./dom.js";

let words = { language: "en", direction: "ltr", reviewed: true, plural: "", messages: {} };
const KEPT = "mfpt-language";
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/;

// Learn to speak: the language that was chosen here before, or what the browser prefers. Returns all that are spoken.
export async function learn() {
  const { preferred, spoken } = await get("/words");
  const chosen = remembered();
  await speak(spoken.includes(chosen) ? chosen : preferred);
  return spoken;
}

// Speak a language from now on; what is on the page already has to be drawn again.
export async function speak(language) {
  words = await get(`/words/${encodeURIComponent(language)}`);
  document.documentElement.lang = words.language;
  document.documentElement.dir = words.direction;
}

export function remember(language) {
  try {
    localStorage.setItem(KEPT, language);
  } catch {
    /* a browser may forbid it: the choice lasts until it closes */
  }
}

function remembered() {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null;
  }
}

// The name of a language in the reader's own; where the browser knows none, another name, or the code.
export function languageName(code, otherwise = code) {
  try {
    const name = new Intl.DisplayNames([words.language], { type: "language", fallback: "none" }).of(code);
    return name ?? otherwise;
  } catch {
    return otherwise;
  }
}

// What a language calls itself.
export function ownName(tag) {
  try {
    return new Intl.DisplayNames([tag], { type: "language" }).of(tag) ?? tag;
  } catch {
    return tag;
  }
}

export const language = () => words.language;
export const reviewed = () => words.reviewed;

// Return a message, translated, with its {placeholders} filled in.
export function _(message, values = {}) {
  return filledIn(words.messages[message]?.[0] ?? message, values);
}

// Return the form of a message that a number takes; {n} is the number.
export function ngettext(one, many, n, values = {}) {
  const forms = words.messages[one];
  const digit = words.plural[n < 200 ? n : 100 + (n % 100)];
  const form = forms ? (forms[Number(digit ?? 0)] ?? forms[0]) : n === 1 ? one : many;
  return filledIn(form, { n: number(n), ...values });
}

function filledIn(message, values) {
  return message.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? isolated(String(values[name])) : whole));
}

// A name of another direction must not turn the sentence around it (Unicode, UAX #9: first strong isolate).
function isolated(text) {
  return words.direction === "rtl" || RIGHT_TO_LEFT.test(text) ? `\u2068${text}\u2069` : text;
}

export function number(value, digits = 0) {
  return new Intl.NumberFormat(words.language, { maximumFractionDigits: digits }).format(value);
}

// A share of 0..1 as a percentage; null: a dash.
export function percent(share, digits = 0) {
  if (share === null || share === undefined) return "–";
  const format = { style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits };
  return new Intl.NumberFormat(words.language, format).format(share);
}

export function bytes(count) {
  const [unit, size] =
    count < 1e3 ? ["byte", 1] : count < 1e6 ? ["kilobyte", 1e3] : count < 1e9 ? ["megabyte", 1e6] : ["gigabyte", 1e9];
  const digits = count < 1e3 || count / size >= 100 ? 0 : 1;
  return new Intl.NumberFormat(words.language, {
    style: "unit",
    unit,
    unitDisplay: count < 1e3 ? "long" : "short",
    maximumFractionDigits: digits,
  }).format(count / size);
}

// Unix seconds as date and time, or as the time alone where it is today's.
export function when(seconds, now = Date.now()) {
  const date = new Date(seconds * 1000);
  const today = date.toDateString() === new Date(now).toDateString();
  return new Intl.DateTimeFormat(
    words.language,
    today ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" },
  ).format(date);
}

// Seconds as people say them: 40 seconds, 5 minutes, 2.5 hours.
export function lasting(seconds) {
  const [unit, size, digits] =
    seconds < 90
      ? ["second", 1, 0]
      : seconds < 5400
        ? ["minute", 60, 0]
        : seconds < 172800
          ? ["hour", 3600, 1]
          : ["day", 86400, 0];
  return new Intl.NumberFormat(words.language, {
    style: "unit",
    unit,
    unitDisplay: "long",
    maximumFractionDigits: digits,
  }).format(seconds / size);
}
