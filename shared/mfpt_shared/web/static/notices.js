// Lines about what went well, or did not.

import { Refused, foreign, h } from "./dom.js";
import { _ } from "./words.js";

export function notice(text, look = "") {
  return h("div", { class: `notice ${look}` }, h("p", {}, text));
}

// What a request failed with: the server's words, which are for the person at the page.
export function failed(error) {
  if (!(error instanceof Refused)) throw error;
  const text = error.message ? sentence(error.message) : _("The program behind this page does not answer.");
  return h("div", { class: "notice bad" }, foreign(text, "p"));
}

// The device's own words, which are English: a capital letter at the beginning, a full stop at the end.
export function sentence(text) {
  const trimmed = text.trim();
  if (!trimmed) return "";
  const whole = /[.!?…]$/.test(trimmed) ? trimmed : `${trimmed}.`;
  return whole[0].toUpperCase() + whole.slice(1);
}
