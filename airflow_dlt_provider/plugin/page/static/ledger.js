// The loads of a resource, newest first; each opens to show its parts.

import { element, row, table } from "./dom.js";
import { exactTime, formatCursor, formatNumber, formatSeconds } from "./format.js";
import { statusMark } from "./status.js";

const FIRST_SHOWN = 25;
const COLUMNS = [
  { name: "Parts", hidden: true, class: "opener" },
  { name: "When", class: "time" },
  { name: "Run", class: "text" },
  { name: "Try", class: "number" },
  { name: "Kind" },
  { name: "Status" },
  { name: "Rows", class: "number" },
  { name: "Cursor before → after", class: "text" },
  { name: "Seconds", class: "number" },
  { name: "Actions", hidden: true, class: "actions" },
];

/** The ledger; what is open stays open when newer loads are shown. */
export function createLedger() {
  const open = new Set();
  let limit = FIRST_SHOWN;

  /** The table of `loads`; `actionsOf(load)` gives the buttons of a row, or nothing. */
  function show(loads, actionsOf) {
    if (!loads.length) return element("p", { class: "notice" }, "Nothing has been loaded yet.");
    const node = element("div");
    const fill = () => {
      const rows = loads.slice(0, limit).flatMap((load) => loadRows(load, open, actionsOf(load)));
      const scroller = element(
        "div",
        { class: "scroller" },
        table("Loads", COLUMNS, rows, { class: "cards ledger" }),
      );
      node.replaceChildren(scroller, ...moreButton());
    };
    const moreButton = () => {
      const rest = loads.length - limit;
      if (rest <= 0) return [];
      const first = loads[limit].record_id;
      const more = () => {
        limit = loads.length;
        fill();
        // the button is gone: the focus goes on to the first row that it brought
        node
          .querySelectorAll(".opener button")
          [loads.findIndex((load) => load.record_id === first)]?.focus();
      };
      return [
        element(
          "button",
          { type: "button", class: "more", onclick: more },
          `Show ${formatNumber(rest)} older`,
        ),
      ];
    };
    fill();
    return node;
  }

  return { show };
}

function loadRows(load, open, actions) {
  const partsId = `parts-${load.record_id}`;
  const parts = element(
    "tr",
    { role: "row", class: "parts", id: partsId, hidden: !open.has(load.record_id) },
    element("td", { role: "cell", colspan: COLUMNS.length }, loadParts(load)),
  );
  const opener = element("button", {
    type: "button",
    class: "plain",
    "aria-expanded": String(open.has(load.record_id)),
    "aria-controls": partsId,
    "aria-label": `Parts of the load of ${load.run_id ?? "no run"}`,
    "data-key": partsId,
    onclick: () => {
      parts.hidden = !parts.hidden;
      opener.setAttribute("aria-expanded", String(!parts.hidden));
      if (parts.hidden) open.delete(load.record_id);
      else open.add(load.record_id);
    },
  });
  const summary = row(COLUMNS, [
    opener,
    exactTime(load.recorded_at),
    element("span", { title: load.run_id ?? "" }, load.run_id ?? "–"),
    formatNumber(load.try_number),
    kind(load),
    statusMark(load.status),
    formatNumber(load.rows),
    cursorChange(load),
    formatSeconds(load.seconds),
    actions,
  ]);
  return [summary, parts];
}

/** What the load was for; of a backfill, which window too. */
function kind(load) {
  if (!load.window) return load.kind;
  const [from, to] = load.window;
  return [
    load.kind,
    element(
      "span",
      { class: "window", title: `from ${from} until before ${to}` },
      shortMoment(from),
      " → ",
      shortMoment(to),
    ),
  ];
}

/** A moment in its own zone, where the days of the Dag begin; without a time that is midnight. */
function shortMoment(text) {
  const [day, time = ""] = text.split("T");
  const short = time.slice(0, 8).replace(/:00$/, "");
  return short && short !== "00:00" ? `${day} ${short}` : day;
}

function cursorChange({ cursor_before, cursor_after }) {
  const before = cursor_before ?? {};
  const after = cursor_after ?? {};
  const paths = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return paths.map((path) => {
    const from = formatCursor(before[path]) || "start";
    const to = formatCursor(after[path]) || "start";
    const text = from === to ? `stayed at ${to}` : `${from} → ${to}`;
    return element(
      "span",
      { class: "change", title: `${path}: ${text}` },
      paths.length > 1 ? element("span", { class: "path" }, path) : null,
      element("code", {}, from === to ? text : from),
      from === to ? null : element("code", {}, ` → ${to}`),
    );
  });
}

function loadParts(load) {
  const changes = Object.entries(load.schema_changes ?? {}).map(([name, columns]) => [
    name,
    columns.join(", "),
  ]);
  const groups = [
    partList("Window", windowEnds(load)),
    partList("Rows by table", pairs(load.rows_by_table, formatNumber)),
    partList("Seconds by step", pairs(load.seconds_by_step, formatSeconds)),
    partList("New columns", changes),
    partList(
      "Load ids",
      (load.load_ids ?? []).map((id) => [id, ""]),
    ),
  ].filter(Boolean);
  if (!groups.length)
    return element("p", { class: "muted" }, "Nothing more is recorded of this load.");
  return element("div", { class: "part-lists" }, groups);
}

function windowEnds({ window }) {
  if (!window) return [];
  return [
    ["from", window[0]],
    ["until before", window[1]],
  ];
}

function pairs(values, format) {
  return Object.entries(values ?? {}).map(([name, value]) => [name, format(value)]);
}

function partList(title, entries) {
  if (!entries.length) return null;
  return element(
    "section",
    {},
    element("h3", {}, title),
    element(
      "dl",
      {},
      entries.map(([name, value]) =>
        element("div", {}, element("dt", {}, name), element("dd", {}, value)),
      ),
    ),
  );
}
