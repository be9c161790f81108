// A curve in the size of a word, without axes; what it says is said in words beside it.

import { svg } from "./dom.js";
import { hue } from "./colours.js";

const WIDTH = 96, HEIGHT = 28, EDGE = 3;

const LEAST_SPAN = 0.2;

// values: 0..1, oldest first. The height stands for 20 points of a hundred, or for more where there is more to show.
export function spark(values, key) {
  if (values.length < 2) return svg("svg", { class: "spark", width: WIDTH, height: HEIGHT, "aria-hidden": "true" });
  const across = (place) => EDGE + (place / (values.length - 1)) * (WIDTH - 2 * EDGE);
  const middle = (Math.max(...values) + Math.min(...values)) / 2;
  const span = Math.max(LEAST_SPAN, Math.max(...values) - Math.min(...values));
  const [low, high] = [middle - span / 2, middle + span / 2];
  const down = (value) => HEIGHT - EDGE - ((value - low) / (high - low)) * (HEIGHT - 2 * EDGE);
  const path = values.map((value, place) => `${place ? "L" : "M"}${across(place).toFixed(1)} ${down(value).toFixed(1)}`).join("");
  return svg(
    "svg",
    { class: `spark ${hue(key)}`, width: WIDTH, height: HEIGHT, viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" },
    svg("line", { class: "base", x1: EDGE, x2: WIDTH - EDGE, y1: down(values[0]), y2: down(values[0]) }),
    svg("path", { class: "line", d: path }),
    svg("circle", { class: "dot", cx: across(values.length - 1), cy: down(values.at(-1)), r: 2.5 }),
  );
}
