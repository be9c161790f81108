// The operator's page: where it begins, which part of it is shown, and what goes around all parts.

import { announce, fill, foreign, get, h, post } from "./dom.js";
import { languageChoice, partTabs, skipLink } from "./frame.js";
import { listen } from "./stream.js";
import { _, learn, remember, reviewed, speak, when } from "./words.js";
import { deeds } from "./deeds.js";
import { device } from "./device.js";
import { devices } from "./devices.js";
import { helping } from "./helping.js";
import { invitations } from "./invitations.js";
import { languageDetail } from "./language.js";
import { languages } from "./languages.js";
import { overview } from "./overview.js";
import { plan } from "./plan.js";
import { version } from "./version.js";
import { versions } from "./versions.js";
import { address } from "./addresses.js";

// Parts by their addresses: #/devices, and #/devices/ID for one of them. What comes after ? is what a list is asked for.
const PARTS = {
  overview: [overview],
  languages: [languages, languageDetail],
  helping: [helping],
  devices: [devices, device],
  versions: [versions, version],
  invitations: [invitations],
  plan: [plan],
  log: [deeds],
};
const REFRESH_MS = 3000;

// What is known: the newest overview, whether the coordinator is heard, and what the part that is shown does with news.
const page = { state: null, heard: true, isOut: false, spoken: [], place: "", view: {}, refreshed: 0, waiting: null };

async function begin() {
  page.spoken = await learn();
  addEventListener("hashchange", () => open(true));
  draw();
  listen("/api/events", told, heard);
}

function told(state) {
  if (state.silent) return heard(false);
  heard(true);
  const first = page.state === null;
  page.state = state;
  headline();
  if (first) open(false);
  page.view.told?.(state);
  refreshSoon();
}

// What a part shows besides the overview is asked for again after news, but not with every one of them.
function refreshSoon() {
  if (page.waiting) return;
  page.waiting = setTimeout(() => {
    page.waiting = null;
    page.refreshed = Date.now();
    page.view.refresh?.();
  }, Math.max(0, page.refreshed + REFRESH_MS - Date.now()));
}

function heard(is) {
  if (!is) findOut();
  if (is === page.heard) return;
  page.heard = is;
  document.getElementById("lost")?.toggleAttribute("hidden", is);
  headline();
  if (!is) announce(lostWords());
}

// Whether it is the coordinator that is silent, or this browser that is out, as after a restart.
async function findOut() {
  const isOut = await get("/words").then(() => false, (error) => error.status === 401);
  if (isOut === page.isOut) return;
  page.isOut = isOut;
  fill(document.getElementById("lost"), h("p", {}, lostWords()));
  announce(lostWords());
}

const lostWords = () =>
  page.isOut
    ? _("This browser is logged out, as after a restart of the coordinator. Open a link that mfpt-coord web link prints.")
    : _("The coordinator does not answer. What is shown here was so when it last did; see its log, or start it again.");

async function open(moved) {
  if (!page.state) return;
  const { part, name } = address();
  const [list, detail] = PARTS[part] ?? PARTS.overview;
  const place = `${part}/${name}`;
  if (place === page.place && moved) return page.view.moved?.();
  page.place = place;
  const main = document.getElementById("main");
  document.getElementById("tabs").replaceChildren(tabs(part));
  page.refreshed = Date.now();
  fill(main);
  page.view = name && detail ? detail(main, name, page) : list(main, page);
  page.view.told?.(page.state);
  if (moved) {
    main.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
}

function draw() {
  const main = h("main", { id: "main", tabindex: "-1", class: "stack" });
  fill(main, h("p", { class: "hint" }, _("One moment …")));
  fill(
    document.getElementById("page"),
    skipLink(),
    top(),
    h("div", { id: "tabs" }),
    h("div", { class: "notice bad", id: "lost", hidden: page.heard }, h("p", {}, lostWords())),
    main,
    bottom(),
  );
  headline();
}

function top() {
  return h(
    "header",
    { class: "top" },
    h("a", { class: "name", href: "#/overview" }, h("img", { src: "/files/icon.svg", alt: "" }), h("span", {}, "mfpt")),
    h("span", { class: "about", id: "headline" }),
    languageChoice(page.spoken, choose),
  );
}

function headline() {
  const place = document.getElementById("headline");
  if (!place || !page.state) return;
  const { federation, version: newest, made } = page.state;
  const look = page.heard ? (Object.keys(page.state.problems).length ? "warn" : "good") : "bad";
  const word = page.heard ? _("online") : _("silent");
  fill(
    place,
    h("span", { class: `pill ${look}` }, word),
    foreign(federation, "strong"),
    h("span", {}, made ? _("version {version}, {when}", { version: newest, when: when(made) }) : _("no version yet")),
  );
  document.title = `${federation} – mfpt`;
}

async function choose(tag) {
  remember(tag);
  await speak(tag);
  page.place = "";
  draw();
  open(false);
  document.getElementById("language").focus();
}

function tabs(part) {
  const names = {
    overview: _("Overview"),
    languages: _("Languages"),
    helping: _("Who helps whom"),
    devices: _("Devices"),
    versions: _("Versions"),
    invitations: _("Invitations"),
    plan: _("Plan"),
    log: _("Log"),
  };
  return partTabs(names, part, (one) => `#/${one}`);
}

function bottom() {
  return h(
    "footer",
    { class: "bottom" },
    h("span", {}, _("This page comes from the coordinator alone, and loads nothing from the internet.")),
    reviewed() ? null : h("span", {}, _("This translation needs a native reader.")),
    h("button", { class: "quiet", on: { click: leave } }, _("Log this browser out")),
  );
}

async function leave() {
  await post("/api/leave");
  location.reload();
}

begin();
