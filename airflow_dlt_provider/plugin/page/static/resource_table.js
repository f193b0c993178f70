// The rows of the list: one per resource.

import { element, row, table } from "./dom.js";
import { formatCursor, formatNumber, formatSeconds, relativeTime, sentence } from "./format.js";
import { detailPlace, placeHref } from "./place.js";
import { statusMark } from "./status.js";
import { trend } from "./trend.js";

const COLUMNS = [
  { name: "Status", content: (item) => statusMark(item.status) },
  { name: "Resource", class: "name", content: resourceLink },
  { name: "Dag", class: "text", content: (item) => plain(item.dag_id) },
  { name: "Table", class: "text", content: (item) => (item.table ? plain(item.table) : none()) },
  { name: "Disposition", content: (item) => item.write_disposition ?? none() },
  { name: "Cursor", class: "text", content: cursorSummary },
  {
    name: "Last load",
    class: "time",
    content: (item) => (item.last_load ? relativeTime(item.last_load.recorded_at) : none()),
  },
  { name: "Rows", class: "number", content: (item) => formatNumber(item.last_load?.rows) },
  { name: "Seconds", class: "number", content: (item) => formatSeconds(item.last_load?.seconds) },
  { name: "Trend", class: "trends", content: (item) => trend(item.recent) },
];

/** The table of `items`, as the list at `place` shows them; `open` takes the place of a detail. */
export function resourceTable(items, place, open) {
  const columns = COLUMNS.filter((column) => column.name !== "Dag" || !place.dag_id);
  const rows = items.map((item) =>
    row(
      columns,
      columns.map((column) => column.content(item, place, open)),
    ),
  );
  return element(
    "div",
    { class: "scroller" },
    table("Resources", columns, rows, { class: "cards resources" }),
  );
}

/** What tells this resource from every other. */
export function resourceKey({ dag_id, task_id, resource }) {
  return JSON.stringify([dag_id, task_id, resource]);
}

function resourceLink(item, place, open) {
  const target = detailPlace(place, item);
  const follow = (event) => {
    // with a modifier it is the browser's: a tab or window of its own
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    open(target);
  };
  const link = element(
    "a",
    { href: placeHref(target), onclick: follow, "data-key": resourceKey(item) },
    item.resource,
  );
  const note = (name, text) => (text ? element("span", { class: name, title: text }, text) : null);
  return [
    link,
    note("request", item.request?.text),
    note("problem", item.problem ? sentence(item.problem) : ""),
    item.is_whole_source
      ? note("problem", "A whole source: its first load tells its resources.")
      : null,
  ];
}

function cursorSummary(item) {
  if (!item.cursor.length) return none();
  const [first] = item.cursor;
  const value = formatCursor(first.value);
  const all = item.cursor
    .map((each) => `${each.path}: ${formatCursor(each.value) || "no value yet"}`)
    .join("\n");
  return element(
    "span",
    { class: "cursor", title: all },
    element(
      "span",
      { class: "path" },
      first.path,
      item.cursor.length > 1 ? ` +${item.cursor.length - 1}` : "",
    ),
    value ? element("code", {}, value) : element("span", { class: "muted" }, "no value yet"),
  );
}

function plain(text) {
  return element("span", { title: text }, text);
}

function none() {
  return element(
    "span",
    { class: "muted" },
    element("span", { "aria-hidden": "true" }, "–"),
    element("span", { class: "visually-hidden" }, "none"),
  );
}
