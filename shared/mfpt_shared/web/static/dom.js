// Elements, made by functions. Text is only ever set as text: nothing here, or anywhere, reads markup from a string.

const SVG = "http://www.w3.org/2000/svg";

// Return an element. Attributes: `on` has handlers by event; true sets an attribute without a value; null and false
// leave it out; `value` and `checked` are set as properties. Children: nodes, texts, lists of them; null is left out.
export function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

// The same for SVG.
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") {
      for (const [event, handler] of Object.entries(value)) element.addEventListener(event, handler);
    } else if (name === "value" || name === "checked") {
      element[name] = value;
    } else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  element.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

// Text of others, which may be written in either direction.
export function foreign(text, tag = "bdi", attributes = {}) {
  return h(tag, { dir: "auto", ...attributes }, text);
}

// Fill a place, and keep the focus where it was, if what had it is there again with the same id.
export function fill(place, ...children) {
  const active = place.contains(document.activeElement) ? document.activeElement.id : "";
  place.replaceChildren(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  if (active) document.getElementById(active)?.focus({ preventScroll: true });
}

// Return a function that shows a state in a place: it draws again only if what `pick` takes from the state has changed.
export function showing(place, pick, draw) {
  let shown;
  return (state) => {
    const picked = pick(state);
    const written = JSON.stringify(picked) ?? "";
    if (written === shown) return;
    shown = written;
    fill(place, draw(picked));
  };
}

// Say something to people who hear the page instead of seeing it. The page has one element with the id `announcer`.
export function announce(text) {
  const announcer = document.getElementById("announcer");
  if (announcer) announcer.textContent = text;
}

// What a request failed with, in words for the person at the page.
export class Refused extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

// Get JSON from the page's server. Raises Refused; its status is 0 where the server does not answer.
export async function get(path) {
  return answered(await reached(path, {}));
}

// Send JSON, or a file as it is, to the page's server, and return its answer.
export async function post(path, body) {
  const raw = body instanceof Blob;
  return answered(await reached(path, { method: "POST", body: raw ? body : JSON.stringify(body ?? {}) }));
}

async function reached(path, options) {
  try {
    return await fetch(path, { credentials: "same-origin", cache: "no-store", ...options });
  } catch {
    throw new Refused("", 0);
  }
}

async function answered(response) {
  const text = await response.text();
  const json = response.headers.get("content-type")?.startsWith("application/json") ? JSON.parse(text) : null;
  if (!response.ok) throw new Refused(json?.error ?? text.trim(), response.status);
  return json;
}
