// The tables that a resource writes, and how they came to have their columns.

import { element, row, table } from "./dom.js";
import { exactTime, formatCount } from "./format.js";

const COLUMN_COLUMNS = [
  { name: "Column", class: "name" },
  { name: "Type" },
  { name: "Nullable" },
  { name: "Key" },
];
const CHANGE_COLUMNS = [
  { name: "When", class: "time" },
  { name: "Run", class: "text" },
  { name: "Table", class: "text" },
  { name: "New columns", class: "wide" },
];

/** The tables with their columns; nested ones stand below their parent, indented. */
export function tableTree(tables) {
  if (!tables.length)
    return element("p", { class: "notice" }, "No table is known yet: the first load writes it.");
  const parents = new Map(tables.map((each) => [each.name, each.parent]));
  return element(
    "div",
    { class: "tables" },
    tables.map((each, index) => tableBlock(each, depthOf(each.name, parents), index === 0)),
  );
}

function tableBlock(each, depth, isOpen) {
  const rows = each.columns.map((column) =>
    row(COLUMN_COLUMNS, [
      column.name,
      element("code", {}, column.type ?? "not known"),
      column.nullable ? "yes" : "no",
      column.key ? "key" : null,
    ]),
  );
  const title = element(
    "summary",
    { "data-key": `table-${each.name}` },
    element("span", { class: "table-name" }, each.name),
    " ",
    element(
      "span",
      { class: "muted" },
      `${formatCount(each.columns.length, "column")}${each.parent ? `, nested in ${each.parent}` : ""}`,
    ),
  );
  return element(
    "details",
    { class: `depth-${Math.min(depth, 4)}`, open: isOpen, "data-name": each.name },
    title,
    element(
      "div",
      { class: "scroller" },
      table(`Columns of ${each.name}`, COLUMN_COLUMNS, rows, { class: "columns" }),
    ),
  );
}

function depthOf(name, parents) {
  let depth = 0;
  // bounded by the number of tables, should a schema name itself as its parent
  for (let parent = parents.get(name); parent && depth < parents.size; parent = parents.get(parent))
    depth += 1;
  return depth;
}

/** What loads added to the schema, newest first. */
export function schemaChanges(changes) {
  if (!changes.length)
    return element("p", { class: "notice" }, "No load has changed the schema since the first.");
  const rows = changes.map((change) =>
    row(CHANGE_COLUMNS, [
      exactTime(change.recorded_at),
      element("span", { title: change.run_id ?? "" }, change.run_id ?? "–"),
      change.table,
      change.columns.map((column) => element("code", { class: "chip" }, column)),
    ]),
  );
  return element(
    "div",
    { class: "scroller" },
    table("Schema changes", CHANGE_COLUMNS, rows, { class: "cards changes" }),
  );
}
