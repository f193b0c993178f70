// The list of resources: of all Dags, or of one.

import { getDags, getResources } from "./api.js";
import { announce, element, focusKey, replaceContent } from "./dom.js";
import { createFilters } from "./filters.js";
import { formatCount, formatNumber } from "./format.js";
import { emptyNotice, errorNotice, loadingNotice, showStale } from "./notice.js";
import { resourceKey, resourceTable } from "./resource_table.js";

const PAGE_SIZE = 50;
const NOTHING_FILTERED = { search: "", status: "", dag: "", page: 1 };

/** The list at `firstPlace`; `go(place, options)` leads to another place. */
export function createList(firstPlace, go) {
  let place = firstPlace;
  let request = null;
  let answer = null;
  let shown = "";
  const scope = place.dag_id;
  const filters = createFilters({
    withDags: !scope,
    change: (values) => go({ ...place, page: 1, ...values }, { replace: true }),
  });
  const count = element("span", { class: "count" });
  const warning = element("div");
  const body = element(
    "section",
    { "aria-label": "Resources", "aria-busy": "true" },
    loadingNotice("Loading resources…"),
  );
  const paging = element("nav", { class: "paging", "aria-label": "Pages", hidden: true });
  const heading = element(
    "h1",
    { tabindex: "-1" },
    scope ? `dlt resources of ${scope}` : "dlt resources",
  );
  const refreshButton = element(
    "button",
    { type: "button", onclick: () => refresh({ aloud: true }) },
    "Refresh",
  );
  const node = element(
    "div",
    { class: "view list" },
    element(
      "header",
      { class: "top" },
      heading,
      count,
      element("span", { class: "spring" }),
      refreshButton,
    ),
    filters.form,
    warning,
    body,
    paging,
  );

  function show(nextPlace) {
    const moved = nextPlace.page !== place.page;
    place = nextPlace;
    filters.show(place);
    if (moved) node.scrollIntoView({ block: "start" });
    return refresh({ aloud: true });
  }

  async function refresh({ aloud = false } = {}) {
    request?.abort();
    const current = new AbortController();
    request = current;
    body.setAttribute("aria-busy", "true");
    try {
      const [resources, dags] = await Promise.all([
        getResources(queryOf(place), current.signal),
        scope ? null : getDags(current.signal),
      ]);
      if (dags) filters.setDags(dags.dags);
      showAnswer(resources, dags?.dags, aloud);
    } catch (error) {
      if (error.name !== "AbortError") showError(error);
    } finally {
      if (request === current) {
        request = null;
        body.setAttribute("aria-busy", "false");
      }
    }
  }

  function showAnswer(resources, dags, aloud) {
    const lastPage = Math.max(1, Math.ceil(resources.total / resources.size));
    if (place.page > lastPage) return go({ ...place, page: lastPage }, { replace: true });
    const totalChanged = answer?.total !== resources.total;
    answer = resources;
    warning.replaceChildren();
    count.textContent = formatCount(resources.total, "resource");
    // where there is nothing to search, a search box only asks why
    filters.form.hidden = Boolean(scope) && !resources.total && !isFiltered(place);
    if (aloud || totalChanged) announce(`${formatCount(resources.total, "resource")} found`);
    const text = JSON.stringify([resources, dags?.length, place]);
    // rows that did not change are left alone, with the focus and selection that are in them
    if (text === shown) return undefined;
    shown = text;
    replaceContent(
      body,
      resources.total ? resourceTable(resources.items, place, go) : emptyList(dags),
    );
    showPaging(lastPage);
    return undefined;
  }

  function showError(error) {
    if (answer) {
      showStale(warning, error);
      return;
    }
    if (shown === error.message) return;
    shown = error.message;
    replaceContent(
      body,
      errorNotice(error, () => refresh({ aloud: true })),
    );
  }

  function emptyList(dags) {
    if (isFiltered(place)) {
      const clear = () => go({ ...place, ...NOTHING_FILTERED }, { replace: true });
      return emptyNotice(
        "Nothing found",
        "No resource fits the search and the filters.",
        element("button", { type: "button", onclick: clear }, "Clear search and filters"),
      );
    }
    if (scope) {
      return emptyNotice(
        "No dlt resources",
        `The Dag ${scope} has no dlt tasks, so there is nothing to show on this tab.`,
      );
    }
    if (dags?.length) {
      return emptyNotice(
        "No dlt resources",
        "The Dags with dlt tasks have no resources yet. Airflow may still be parsing them.",
      );
    }
    return emptyNotice(
      "No Dag with dlt tasks",
      "Declare a source with DltDag, DltTaskGroup or load_dags in the Dags folder; its resources appear here once Airflow " +
        "has parsed the file. Dags that you may not read are not listed.",
    );
  }

  function showPaging(lastPage) {
    paging.hidden = lastPage === 1;
    const first = (place.page - 1) * answer.size + 1;
    const last = first + answer.items.length - 1;
    replaceContent(
      paging,
      pageButton("Previous", place.page - 1, place.page > 1),
      element(
        "span",
        {},
        `${formatNumber(first)}–${formatNumber(last)} of ${formatNumber(answer.total)}`,
      ),
      pageButton("Next", place.page + 1, place.page < lastPage),
    );
  }

  function pageButton(text, page, enabled) {
    // aria-disabled, since a disabled button would drop the focus of who has just reached the end
    const attributes = { type: "button", "data-key": text, "aria-disabled": String(!enabled) };
    return element(
      "button",
      { ...attributes, onclick: () => enabled && go({ ...place, page }) },
      text,
    );
  }

  filters.show(place);
  return {
    node,
    heading,
    title: scope ? `${scope} - dlt resources` : "dlt resources",
    show,
    refresh,
    focusResource: (detail) => focusKey(resourceKey(detail), node),
    focusSearch: () => node.querySelector("#search").focus(),
  };
}

function isFiltered({ search, status, dag }) {
  return Boolean(search || status || dag);
}

function queryOf(place) {
  const { search, status, page } = place;
  return { dag_id: place.dag_id || place.dag, search, status, page, size: PAGE_SIZE };
}
