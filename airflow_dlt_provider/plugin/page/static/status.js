// Statuses: each with a word and a shape of its own, so that they read without colour.

import { drawing, element } from "./dom.js";

const ROUND = ["circle", { cx: 8, cy: 8, r: 7, class: "solid" }];

const SHAPES = {
  loaded: [ROUND, ["path", { d: "M4.8 8.2l2.2 2.2 4.2-4.6", class: "inside" }]],
  failed: [
    ["path", { d: "M5.1 1h5.8L15 5.1v5.8L10.9 15H5.1L1 10.9V5.1z", class: "solid" }],
    ["path", { d: "M5.6 5.6l4.8 4.8M10.4 5.6l-4.8 4.8", class: "inside" }],
  ],
  running: [
    ["circle", { cx: 8, cy: 8, r: 6, class: "track" }],
    ["path", { d: "M8 2a6 6 0 0 1 6 6", class: "line" }],
  ],
  "cut off": [
    ["path", { d: "M8 1.2L15.2 14.5H.8z", class: "solid" }],
    ["path", { d: "M8 6v4M8 12.2v.1", class: "inside" }],
  ],
  waiting: [
    ["circle", { cx: 8, cy: 8, r: 6.2, class: "line" }],
    ["path", { d: "M8 4.5V8l2.5 1.6", class: "line" }],
  ],
  "never loaded": [["circle", { cx: 8, cy: 8, r: 6.2, class: "line dashed" }]],
  unknown: [
    ["circle", { cx: 8, cy: 8, r: 6.2, class: "line" }],
    [
      "path",
      { d: "M6.1 6.3a1.9 1.9 0 1 1 2.9 1.6c-.7.4-1 .8-1 1.5M8 11.6v.1", class: "line thin" },
    ],
  ],
  unfinished: [
    ["circle", { cx: 8, cy: 8, r: 6.2, class: "line" }],
    ["path", { d: "M8 1.8a6.2 6.2 0 0 1 0 12.4z", class: "solid" }],
  ],
  removed: [
    ["circle", { cx: 8, cy: 8, r: 6.2, class: "line" }],
    ["path", { d: "M4.5 8h7", class: "line" }],
  ],
};
SHAPES.finished = SHAPES.loaded;

/** The statuses of a resource, in the order of the filter. */
export const STATUSES = [
  "loaded",
  "failed",
  "running",
  "cut off",
  "waiting",
  "never loaded",
  "unknown",
];

export function statusWord(status) {
  const text = String(status);
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The status of a resource or of a load. */
export function statusMark(status) {
  const shape = SHAPES[status] ?? SHAPES.unknown;
  const kind = status in SHAPES ? status.replace(" ", "-") : "unknown";
  return element(
    "span",
    { class: `status status-${kind}` },
    drawing(
      "svg",
      { viewBox: "0 0 16 16", "aria-hidden": "true" },
      shape.map(([tag, attributes]) => drawing(tag, attributes)),
    ),
    element("span", {}, statusWord(status)),
  );
}
