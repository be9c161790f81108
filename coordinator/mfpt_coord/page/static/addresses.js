// Where the page is: #/PART/NAME?what=is-asked.

export function address() {
  const [path, query = ""] = location.hash.slice(2).split("?");
  const [part, ...rest] = path.split("/");
  const name = rest.join("/");
  return { part: part || "overview", name: name ? decodeURIComponent(name) : "", asked: new URLSearchParams(query) };
}

export function to(part, name = "", asked = {}) {
  const wanted = Object.entries(asked).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const query = wanted.length ? `?${new URLSearchParams(wanted)}` : "";
  return `#/${part}${name ? `/${encodeURIComponent(name)}` : ""}${query}`;
}
