// The search box and the filters of the list.

import { debounce, element } from "./dom.js";
import { STATUSES, statusWord } from "./status.js";

const TYPING_PAUSE = 250;

/**
 * The form of filters. `change` is called with what a person changed, as `{ search: "orders" }`.
 * Returns the form, `show(place)` that makes it fit a place, and `setDags(dags)`.
 */
export function createFilters({ withDags, change }) {
  let shownSearch = "";
  const typed = debounce(() => {
    const text = search.value.trim();
    // meanwhile the box may have been cleared, or typed back to what is shown
    if (text !== shownSearch) change({ search: text });
  }, TYPING_PAUSE);
  const search = element("input", {
    type: "search",
    id: "search",
    placeholder: "Search",
    "aria-keyshortcuts": "/",
    autocomplete: "off",
    oninput: typed,
  });
  const status = element(
    "select",
    { id: "status", onchange: () => change({ status: status.value }) },
    element("option", { value: "" }, "All statuses"),
    STATUSES.map((each) => element("option", { value: each }, statusWord(each))),
  );
  const dag = element(
    "select",
    { id: "dag", onchange: () => change({ dag: dag.value }) },
    element("option", { value: "" }, "All Dags"),
  );
  const hint = element("kbd", { "aria-hidden": "true" }, "/");
  const form = element(
    "form",
    { role: "search", class: "filters", onsubmit: (event) => event.preventDefault() },
    element(
      "span",
      { class: "search" },
      label("search", withDags ? "Search resource, table or Dag" : "Search resource or table"),
      search,
      hint,
    ),
    label("status", "Status"),
    status,
    withDags ? [label("dag", "Dag"), dag] : null,
  );

  function show(place) {
    shownSearch = place.search;
    // while a person types, the box is ahead of the address
    if (search.value.trim() !== place.search) search.value = place.search;
    status.value = place.status;
    if (dag.value !== place.dag) selectDag(place.dag);
  }

  function selectDag(dagId) {
    const known = [...dag.options].some((option) => option.value === dagId);
    if (!known) dag.append(element("option", { value: dagId }, dagId));
    dag.value = dagId;
  }

  function setDags(dags) {
    const chosen = dag.value;
    const options = dags.map((each) =>
      element("option", { value: each.dag_id }, `${each.dag_id} (${each.resources})`),
    );
    dag.replaceChildren(dag.options[0], ...options);
    selectDag(chosen);
  }

  return { form, show, setDags };
}

function label(target, text) {
  return element("label", { for: target, class: "visually-hidden" }, text);
}
