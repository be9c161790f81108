// The same language has the same colour, line and mark everywhere. Eight colours that people with any kind of colour
// vision tell apart (after Okabe and Ito, 2008, made dark or light enough to be read on the page), four kinds of line and
// four marks: with many languages, colours repeat, and line and mark tell them apart. kit.css says what `hue-0` is.

const DASHES = ["", "6 3", "2 3", "8 3 2 3"];
const MARKS = ["circle", "square", "diamond", "triangle"];

// FNV-1a, 32 bits: the same number for the same code, in every browser and on every page.
function spread(code) {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(code)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

export function hue(code) {
  return `hue-${spread(code) % 8}`;
}

export function dash(code) {
  return DASHES[(spread(code) >>> 3) % 4];
}

export function mark(code) {
  return MARKS[(spread(code) >>> 5) % 4];
}
