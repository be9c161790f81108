// The volunteer's page: where it begins, which part of it is shown, and what goes around all parts.

import { announce, fill, foreign, h, get } from "./dom.js";
import { languageChoice, partTabs, skipLink } from "./frame.js";
import { listen } from "./stream.js";
import { _, languageName, learn, remember, reviewed, speak } from "./words.js";
import { joining } from "./joining.js";
import { failed } from "./notices.js";
import { overview } from "./overview.js";
import { asking } from "./questions.js";
import { sent } from "./sent.js";
import { settings } from "./settings.js";
import { trying } from "./trying.js";

const PARTS = { overview, sent, try: trying, settings };

// What is known: what the server says, whether it is heard, and what stops listening to it.
const page = { state: null, heard: true, spoken: [], stop: () => {}, at: null, show: () => {} };

async function begin() {
  page.spoken = await learn();
  page.state = await get("/api/state");
  addEventListener("hashchange", () => open(true));
  open(false);
}

// Addresses of parts: #/join, #/devices, #/d/NAME/PART. Without one, the first device, or joining where there is none.
function where() {
  const [, first, name, part] = location.hash.split("/");
  if (first === "d" && name) return { at: decodeURIComponent(name), part: part in PARTS ? part : "overview" };
  if (first === "join" || first === "devices") return { at: "", part: first };
  const devices = page.state.devices;
  if (devices.length === 1) return { at: devices[0].at, part: "overview" };
  return { at: "", part: devices.length ? "devices" : "join" };
}

async function open(moved) {
  const { at, part } = where();
  if (at !== page.at) await follow(at);
  draw(at, part);
  if (moved) document.getElementById("main").focus();
}

// Listen to what happens to a device, or to none.
async function follow(at) {
  page.stop();
  page.at = at;
  page.state = await get(`/api/state?at=${encodeURIComponent(at)}`);
  page.stop = listen(
    `/api/events?at=${encodeURIComponent(at)}`,
    (state) => {
      if (page.at !== at) return;
      page.state = state;
      page.show(state);
    },
    heard,
  );
}

function heard(is) {
  if (is === page.heard) return;
  page.heard = is;
  document.getElementById("lost")?.toggleAttribute("hidden", is);
  if (!is) announce(lostWords());
}

const lostWords = () =>
  _("The program behind this page has ended or does not answer. Start it again with mfpt-edge open.");

function draw(at, part) {
  const main = h("main", { id: "main", tabindex: "-1", class: "stack", "data-part": part });
  const lost = h("div", { class: "notice bad", id: "lost", hidden: page.heard }, h("p", {}, lostWords()));
  const question = h("div");
  fill(
    document.getElementById("page"),
    skipLink(),
    top(at),
    at ? tabs(at, part) : null,
    lost,
    question,
    main,
    bottom(),
  );
  const device = { at, changed, go };
  const shows = at
    ? [asking(question, device), PARTS[part](main, device)]
    : [part === "join" ? joining(main, device) : chooser(main)];
  page.show = (state) => shows.forEach((show) => show(state));
  page.show(page.state);
}

// An order has been carried out: the server's answer is the newest state.
function changed(state) {
  page.state = state;
  page.show(state);
}

// Go to a part of a device, or to another page.
function go(at, part = "overview") {
  const hash = at ? `#/d/${encodeURIComponent(at)}/${part}` : `#/${part}`;
  if (location.hash === hash) open(true);
  else location.hash = hash;
}

function top(at) {
  const device = page.state.devices.find((one) => one.at === at);
  const about = device
    ? h(
        "span",
        { class: "about" },
        foreign(device.federation),
        " · ",
        languageName(device.language, device.language_name),
      )
    : null;
  const home = page.state.devices.length > 1 || !at ? "#/devices" : `#/d/${encodeURIComponent(at)}/overview`;
  return h(
    "header",
    { class: "top" },
    h(
      "a",
      { class: "name", href: page.state.devices.length ? home : "#/join" },
      h("img", { src: "/files/icon.svg", alt: "" }),
      h("span", {}, "mfpt"),
    ),
    about,
    languageChoice(page.spoken, choose),
  );
}

async function choose(tag) {
  remember(tag);
  await speak(tag);
  open(false);
  document.getElementById("language").focus();
}

function tabs(at, part) {
  const names = {
    overview: _("Overview"),
    sent: _("What left this computer"),
    try: _("Try it"),
    settings: _("Settings"),
  };
  return partTabs(names, part, (one) => `#/d/${encodeURIComponent(at)}/${one}`);
}

function bottom() {
  return h(
    "footer",
    { class: "bottom" },
    h("span", {}, _("This page comes from this computer alone, and loads nothing from the internet.")),
    reviewed() ? null : h("span", {}, _("This translation needs a native reader.")),
  );
}

// All devices of this user on this computer.
function chooser(place) {
  return (state) => {
    document.title = "mfpt";
    fill(
      place,
      h("h1", {}, _("Where this computer takes part")),
      h(
        "ul",
        { class: "device-list" },
        state.devices.map((one) =>
          h(
            "li",
            {},
            h(
              "a",
              { class: "card", href: `#/d/${encodeURIComponent(one.at)}/overview` },
              h(
                "span",
                {},
                h("strong", {}, languageName(one.language, one.language_name)),
                h("br"),
                h("small", {}, _("Federation {name}", { name: one.federation })),
              ),
              h("span", { class: one.runs ? "pill good" : "pill" }, one.runs ? _("Runs") : _("Stopped")),
            ),
          ),
        ),
      ),
      h("div", {}, h("button", { on: { click: () => go("", "join") } }, _("Join another federation"))),
    );
  };
}

begin().catch((error) => fill(document.getElementById("page"), failed(error)));
