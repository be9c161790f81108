// Invitations: make one, give its line or its QR code to somebody, and see how often each was used.

import { announce, fill, foreign, h, post, svg } from "./dom.js";
import { asked } from "./asking.js";
import { failed, notice } from "./notices.js";
import { list, nothing, table } from "./lists.js";
import { languageLink, role } from "./phrases.js";
import { _, languageName, ngettext, number, when } from "./words.js";
import { to } from "./addresses.js";

export function invitations(place, page) {
  const made = h("div", { role: "status" });
  const outcome = h("div", { role: "status" });
  const body = h("div", { class: "stack" });
  let view = {};
  fill(
    place,
    h("h1", {}, _("Invitations")),
    page.state.open ? notice(_("This federation is open: whoever reaches its broker can take part without an invitation."), "warn") : null,
    form(made, () => view.reload()),
    made,
    h("h2", {}, _("Made so far")),
    outcome,
    body,
  );
  const withdraw = async (one) => {
    if (!(await asked(_("Let nobody else in with invitation {id}? Who came by it stays.", { id: one.id }), _("Withdraw"), "danger"))) return;
    try {
      await post(`/api/invitations/${encodeURIComponent(one.id)}/withdraw`);
      fill(outcome, notice(_("It admits nobody any more."), "good"));
      view.reload();
    } catch (error) {
      fill(outcome, failed(error));
    }
  };
  const rows = ({ rows: found }) => (found.length ? invitationTable(found, withdraw) : nothing(_("Nobody was invited yet.")));
  view = list(body, { part: "invitations", path: "/api/invitations", rows, size: 25, search: _("Search ids and languages") });
  return view;
}

function form(place, done) {
  const input = (id, attributes) => h("input", { id, class: "short", ...attributes });
  const who = h("select", { id: "role", class: "short", on: { change: () => language.toggleAttribute("disabled", who.value !== "device") } }, ["device", "reader", "monitor"].map((one) => h("option", { value: one }, role(one))));
  const language = input("language-of-devices", { type: "text", placeholder: "sw", autocomplete: "off", maxlength: 100, "aria-describedby": "language-hint" });
  const uses = input("uses", { type: "number", min: 1, max: 10000, value: 1 });
  const days = input("days", { type: "number", min: 1, max: 3650, value: 7, "aria-describedby": "days-hint" });
  const most = input("most", { type: "number", min: 1, "aria-describedby": "most-hint" });
  const host = input("host", { type: "text", maxlength: 253, autocomplete: "off", "aria-describedby": "host-hint" });
  async function submit(event) {
    event.preventDefault();
    const whole = (one) => (one.value === "" ? null : Number(one.value));
    try {
      const report = await post("/api/invitations", {
        role: who.value,
        language: who.value === "device" ? language.value : "",
        uses: whole(uses) ?? 1,
        days: whole(days),
        max_examples: whole(most),
        host: host.value,
      });
      fill(place, madeCard(report));
      announce(_("An invitation was made."));
      done();
    } catch (error) {
      fill(place, failed(error));
    }
  }
  const field = (label, control, hint = null) => h("div", { class: "field" }, h("label", { for: control.id }, label), control, hint ? h("span", { class: "hint", id: control.getAttribute("aria-describedby") }, hint) : null);
  return h(
    "form",
    { class: "card stack", on: { submit } },
    h("h2", {}, _("Invite")),
    h(
      "div",
      { class: "fields" },
      field(_("Whom"), who),
      field(_("Language of the devices"), language, _("A tag such as sw; empty: each device names its own.")),
      field(_("How many"), uses),
      field(_("Days until it expires"), days, _("Empty: never.")),
    ),
    h(
      "details",
      { class: "numbers" },
      h("summary", {}, _("More")),
      h("div", { class: "fields" }, field(_("Examples that count, at most"), most, _("Empty: as the plan says.")), field(_("Address of the broker"), host, _("Empty: as the coordinator knows it."))),
    ),
    h("div", {}, h("button", { class: "primary", id: "invite" }, _("Make an invitation"))),
  );
}

function madeCard({ invitation, qr }) {
  const line = h("textarea", { id: "line", readonly: true, rows: 4, class: "code", "aria-label": _("The invitation's line"), spellcheck: "false" });
  line.value = invitation.line;
  const said = h("span", { role: "status" });
  const copy = async () => {
    line.select();
    try {
      await navigator.clipboard.writeText(invitation.line);
      fill(said, _("Copied."));
    } catch {
      fill(said, _("It is selected: copy it with the keyboard."));
    }
  };
  const admits = ngettext("It admits {n} device.", "It admits {n} devices.", invitation.uses);
  const bound = invitation.language ? _("Language: {language}.", { language: languageName(invitation.language) }) : "";
  const until = invitation.expires === null ? _("It does not expire.") : _("It expires: {when}.", { when: when(invitation.expires) });
  return h(
    "section",
    { class: "card stack made" },
    h("h2", {}, _("Give this line to whom you invite")),
    h("p", {}, [admits, invitation.role === "device" ? bound : "", until].filter(Boolean).join(" ")),
    h("p", { class: "notice warn" }, _("Whoever has the line can use it: send it as you would send a password. It is shown only now.")),
    h("div", { class: "line" }, h("div", { class: "stack tight" }, line, h("div", { class: "row" }, h("button", { id: "copy", on: { click: copy } }, _("Copy the line")), said)), code(qr)),
  );
}

function code(rows) {
  const modules = rows.flatMap((row, y) => [...row].map((module, x) => (module === "1" ? `M${x} ${y}h1v1h-1z` : "")));
  return svg("svg", { class: "qr", viewBox: `0 0 ${rows.length} ${rows.length}`, role: "img", "aria-label": _("QR code of the line") }, svg("rect", { class: "light", width: rows.length, height: rows.length }), svg("path", { class: "dark", d: modules.join("") }));
}

function invitationTable(found, withdraw) {
  const columns = [[_("Invitation")], [_("For")], [_("Language")], [_("Admitted"), "number"], [_("Left"), "number"], [_("Expires")], [_("What you can do")]];
  return table(columns, found.map((one) => cells(one, withdraw)), { title: _("Invitations") });
}

function cells(one, withdraw) {
  const isOver = one.uses === 0 || (one.expires !== null && one.expires <= Date.now() / 1000);
  return [
    h("code", {}, one.id),
    role(one.role),
    one.language ? languageLink(one.language) : "–",
    one.admitted ? h("a", { href: to("devices", "", { search: one.id }) }, number(one.admitted)) : number(0),
    number(one.uses),
    one.expires === null ? _("never") : when(one.expires),
    isOver ? h("span", { class: "soft" }, _("admits nobody")) : h("button", { id: `withdraw-${one.id}`, class: "quiet danger", "aria-label": _("Withdraw invitation {id}", { id: one.id }), on: { click: () => withdraw(one) } }, _("Withdraw …")),
  ];
}
