// One device: what it waits for and why, what it has done, its name, and how to exclude it.

import { fill, foreign, get, h, post } from "./dom.js";
import { ago, doingNow } from "./devices.js";
import { asked } from "./asking.js";
import { failed, notice } from "./notices.js";
import { inUse } from "./lists.js";
import { doing, languageLink, role } from "./phrases.js";
import { _, number, percent, when } from "./words.js";
import { to } from "./addresses.js";

export function device(place, id, page) {
  const head = h("div", { class: "stack" });
  const outcome = h("div", { role: "status" });
  const orders = h("div");
  let shown = "";
  let revoked = null;
  fill(place, h("p", {}, h("a", { href: "#/devices" }, _("All devices"))), head, outcome, orders);

  async function load() {
    try {
      const row = await get(`/api/devices/${encodeURIComponent(id)}`);
      const written = JSON.stringify(row);
      if (written === shown || inUse(head)) return;
      shown = written;
      fill(head, draw(row, page.state));
      if (revoked !== (row.revoked !== null)) {
        revoked = row.revoked !== null;
        fill(orders, row.admitted === null || revoked ? null : ordersCard(row));
      }
    } catch (error) {
      fill(head, failed(error));
    }
  }

  async function order(path, body, done) {
    try {
      await post(`/api/devices/${encodeURIComponent(id)}/${path}`, body);
      fill(outcome, notice(done, "good"));
      await load();
    } catch (error) {
      fill(outcome, failed(error));
    }
  }

  async function revoke(row) {
    const question = _("Exclude {device}? It is cut off at once, and the invitation by which it came admits nobody any more. This cannot be taken back.", { device: row.name || row.id });
    if (await asked(question, _("Revoke"), "danger")) await order("revoke", {}, _("It is revoked. What it contributed stays in the versions."));
  }

  function ordersCard(row) {
    const name = h("input", { id: "name", type: "text", maxlength: 500, value: row.name, class: "short" });
    const rename = (event) => {
      event.preventDefault();
      order("rename", { name: name.value }, _("It has another name now."));
    };
    return h(
      "section",
      { class: "card stack" },
      h("h2", {}, _("What you can do")),
      h("form", { class: "row", on: { submit: rename } }, h("label", { for: "name" }, _("Name for people")), name, h("button", {}, _("Rename"))),
      h("div", { class: "row" }, h("button", { class: "danger", id: "revoke", on: { click: () => revoke(row) } }, _("Revoke this device …"))),
    );
  }

  load();
  return { refresh: load };
}

function draw(row, state) {
  const fact = (name, value) => (value === null ? null : [h("dt", {}, name), h("dd", {}, value)]);
  const spent = row.epsilon === null ? null : state.budget ? _("{spent} of {budget}", { spent: number(row.epsilon, 2), budget: number(state.budget, 2) }) : number(row.epsilon, 2);
  return [
    h("div", { class: "row" }, foreign(row.name || row.id, "h1"), doingNow(row)),
    h("p", {}, doing(row.doing)[2], row.failures >= 3 ? ` ${doing("failing")[2]}` : ""),
    h(
      "section",
      { class: "card" },
      h(
        "dl",
        { class: "facts" },
        fact(_("id"), h("code", {}, row.id)),
        fact(_("language"), languageLink(row.language, row.language_name)),
        fact(_("part it plays"), role(row.role)),
        fact(_("heard"), row.last_seen ? ago(row.last_seen) : _("never")),
        fact(_("assigned"), row.base === null ? null : _("version {version}", { version: number(row.base) })),
        fact(row.doing === "rejected" ? _("asked again") : _("expected"), row.until === null ? null : when(row.until)),
        fact(_("accuracy"), percent(row.accuracy)),
        fact(_("examples"), number(row.examples)),
        fact(_("updates in versions"), number(row.folded)),
        fact(_("assigned in vain"), row.failures ? number(row.failures) : null),
        fact(_("privacy budget spent"), spent),
        fact(_("runs on"), row.runs_on ? foreign(row.runs_on) : null),
        fact(_("invitation"), row.token ? h("a", { href: to("invitations", "", { search: row.token }) }, h("code", {}, row.token)) : null),
        fact(_("fingerprint of its key"), row.fingerprint ? h("code", {}, row.fingerprint) : null),
        fact(_("admitted"), row.admitted === null ? null : when(row.admitted)),
        fact(_("revoked"), row.revoked === null ? null : when(row.revoked)),
      ),
    ),
  ];
}
