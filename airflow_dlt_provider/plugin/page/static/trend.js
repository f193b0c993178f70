// The rows of the last loads as small bars.

import { drawing } from "./dom.js";
import { formatNumber } from "./format.js";

const MOST_SHOWN = 12;
const STEP = 6;
const BAR = 4;
const HEIGHT = 20;

/** Bars of the rows of `recent`, the newest at the right; null without loads. */
export function trend(recent) {
  if (!recent?.length) return null;
  const loads = recent.slice(-MOST_SHOWN);
  const most = Math.max(...loads.map((load) => load.rows ?? 0), 1);
  const bars = loads.map((load, index) => {
    // a load without rows keeps a mark, so that it differs from no load at all
    const height = load.rows > 0 ? Math.max(2, (load.rows / most) * HEIGHT) : 1;
    return drawing("rect", {
      x: index * STEP,
      y: HEIGHT - height,
      width: BAR,
      height,
      class: "bar",
    });
  });
  const width = loads.length * STEP;
  const size = { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT };
  return drawing(
    "svg",
    { ...size, class: "trend", role: "img", "aria-label": describe(loads) },
    drawing("title", {}, describe(loads)),
    bars,
  );
}

function describe(loads) {
  const rows = loads.map((load) => formatNumber(load.rows)).join(", ");
  return loads.length === 1
    ? `rows of the last load: ${rows}`
    : `rows of the last ${loads.length} loads: ${rows}`;
}
