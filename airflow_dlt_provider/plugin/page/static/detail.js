// One resource: what it is, where it stands, what may be done, and what it did.

import { actionBar, loadActions } from "./actions.js";
import { airflowLink } from "./airflow.js";
import { getResource } from "./api.js";
import { announce, element, replaceContent } from "./dom.js";
import {
  exactTime,
  formatCursor,
  formatNumber,
  formatSeconds,
  relativeTime,
  sentence,
} from "./format.js";
import { createLedger } from "./ledger.js";
import { errorNotice, loadingNotice, showStale } from "./notice.js";
import { listPlace, placeHref } from "./place.js";
import { schemaChanges, tableTree } from "./schema.js";
import { statusMark } from "./status.js";
import { createTabs } from "./tabs.js";
import { trend } from "./trend.js";

/** The detail at `firstPlace`; `go(place, options)` leads to another place. */
export function createDetail(firstPlace, go) {
  let place = firstPlace;
  let request = null;
  let shown = "";
  let failure = "";
  const heading = element("h1", { tabindex: "-1" }, place.resource);
  const status = element("span", { class: "count" });
  const warning = element("div");
  const body = element(
    "div",
    { class: "detail-body", "aria-busy": "true" },
    loadingNotice(`Loading ${place.resource}…`),
  );
  const ledger = createLedger();
  const tabs = createTabs("About the resource", (tab) => go({ ...place, tab }, { replace: true }));
  const refreshButton = element(
    "button",
    { type: "button", onclick: () => refresh({ aloud: true }) },
    "Refresh",
  );
  const node = element(
    "div",
    { class: "view detail" },
    backLink(place, go),
    element(
      "header",
      { class: "top" },
      heading,
      status,
      element("span", { class: "spring" }),
      refreshButton,
    ),
    warning,
    body,
  );

  function show(nextPlace) {
    const sameResource = shown && nextPlace.tab !== place.tab;
    place = nextPlace;
    tabs.select(place.tab || "loads");
    return sameResource ? undefined : refresh();
  }

  async function refresh({ aloud = false } = {}) {
    request?.abort();
    const current = new AbortController();
    request = current;
    body.setAttribute("aria-busy", "true");
    try {
      const data = await getResource(place, current.signal);
      warning.replaceChildren();
      showData(data);
      if (aloud) announce(`${place.resource} refreshed`);
    } catch (error) {
      if (error.name !== "AbortError") showError(error);
    } finally {
      if (request === current) {
        request = null;
        body.setAttribute("aria-busy", "false");
      }
    }
  }

  function showData(data) {
    const text = JSON.stringify(data);
    // parts that did not change are left alone, with the focus and selection that are in them
    if (text === shown) return;
    shown = text;
    failure = "";
    status.replaceChildren(statusMark(data.status));
    const actionsOf = (load) => loadActions(data, load, refresh);
    replaceContent(
      body,
      element("div", { class: "detail-bar" }, links(data), actionBar(data, refresh)),
      waitingRequest(data.request),
      problem(data),
      facts(data),
      cursors(data.cursor),
      tabs.show(
        [
          {
            id: "loads",
            title: "Loads",
            count: data.problem ? null : data.loads.length,
            content: data.problem ? notKnown() : ledger.show(data.loads, actionsOf),
          },
          {
            id: "tables",
            title: "Tables",
            count: data.problem ? null : data.tables.length,
            content: data.problem && !data.tables.length ? notKnown() : tableTree(data.tables),
          },
          {
            id: "changes",
            title: "Schema changes",
            count: data.problem ? null : data.schema_changes.length,
            content: data.problem ? notKnown() : schemaChanges(data.schema_changes),
          },
        ],
        place.tab || "loads",
      ),
    );
  }

  function showError(error) {
    if (shown) {
      showStale(warning, error);
      return;
    }
    if (failure === error.message) return;
    failure = error.message;
    replaceContent(
      body,
      errorNotice(error, () => refresh({ aloud: true })),
    );
  }

  return { node, heading, title: `${place.resource} - dlt resources`, show, refresh };
}

function backLink(place, go) {
  const target = listPlace(place);
  const follow = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(target);
  };
  const text = target.dag_id ? `All resources of ${target.dag_id}` : "All resources";
  return element(
    "nav",
    { "aria-label": "Back" },
    element(
      "a",
      { class: "back", href: placeHref(target), onclick: follow },
      element("span", { "aria-hidden": "true" }, "← "),
      text,
    ),
  );
}

function links(data) {
  const part = (name, path, text) =>
    element(
      "li",
      {},
      element("span", { class: "muted" }, `${name} `),
      path ? airflowLink(path, text) : text,
    );
  return element(
    "ul",
    { class: "links", "aria-label": "In Airflow" },
    part("Dag", data.links.dag, data.dag_id),
    part("Task", data.links.task, data.task_id),
    data.links.asset ? part("Asset", data.links.asset, data.links.asset_name) : null,
  );
}

function waitingRequest(request) {
  if (!request) return null;
  return element(
    "p",
    { class: "notice waiting-request" },
    element("strong", {}, "Waits for the next load: "),
    request.text,
  );
}

/** Why nothing is known of the state, where that is so. */
function problem(data) {
  if (!data.problem) return null;
  return element(
    "p",
    { class: "notice problem-notice" },
    element("strong", {}, "The state is not known here: "),
    sentence(data.problem),
  );
}

function notKnown() {
  return element("p", { class: "notice" }, "Not known, as the state is not known here.");
}

function facts(data) {
  const load = data.last_load;
  const missing = data.problem ? "not known" : "none";
  const none = element("span", { class: "muted" }, missing);
  return element(
    "dl",
    { class: "facts" },
    fact(
      "Last load",
      load
        ? [
            relativeTime(load.recorded_at),
            " ",
            element("span", { class: "muted exact" }, exactTime(load.recorded_at)),
          ]
        : data.problem
          ? none.cloneNode(true)
          : "never",
    ),
    fact("Rows", load ? formatNumber(load.rows) : none),
    fact("Seconds", load ? formatSeconds(load.seconds) : none.cloneNode(true)),
    fact("Trend of rows", trend(data.recent) ?? none.cloneNode(true)),
    fact("Table", data.table ?? element("span", { class: "muted" }, "not known yet")),
    fact("Disposition", data.write_disposition ?? "not known"),
    fact("Pipeline", data.pipeline_name),
  );
}

function fact(name, content) {
  return element("div", {}, element("dt", {}, name), element("dd", {}, content));
}

function cursors(list) {
  const items = list.map((cursor) =>
    element(
      "li",
      {},
      element("span", { class: "path" }, cursor.path),
      " ",
      element("code", {}, formatCursor(cursor.value) || "no value yet"),
      " ",
      element(
        "span",
        { class: "muted" },
        [cursor.type, cursorOwner(cursor, list)].filter(Boolean).join(", "),
      ),
    ),
  );
  return element(
    "section",
    { class: "cursors", "aria-labelledby": "cursors-title" },
    element("h2", { id: "cursors-title" }, list.length > 1 ? "Cursors" : "Cursor"),
    items.length
      ? element("ul", {}, items)
      : element("p", { class: "muted" }, "No cursor is known."),
  );
}

function cursorOwner(cursor, list) {
  const isOneOwner = list.every((each) => each.resource === cursor.resource);
  return isOneOwner ? "" : `of ${cursor.resource}`;
}
