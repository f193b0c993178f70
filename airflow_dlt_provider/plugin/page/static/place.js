// What the page shows, as its query string. `dag_id` is the scope (the tab of a Dag, or the Dag of
// a detail), `dag` a filter of the list of all Dags, `list=all` the list that a detail came from.

import { reportAddress } from "./airflow.js";

const NAMES = ["dag_id", "task_id", "resource", "dag", "search", "status", "page", "list", "tab"];

export function readPlace() {
  const query = new URLSearchParams(window.location.search);
  const place = Object.fromEntries(NAMES.map((name) => [name, query.get(name) ?? ""]));
  place.page = Math.max(1, Number.parseInt(place.page, 10) || 1);
  return place;
}

export function isDetail(place) {
  return Boolean(place.dag_id && place.task_id && place.resource);
}

export function placeHref(place) {
  const query = new URLSearchParams();
  for (const name of NAMES) {
    const isDefault = !place[name] || (name === "page" && place.page === 1);
    if (!isDefault) query.set(name, place[name]);
  }
  const text = query.toString();
  return text ? `?${text}` : "./";
}

/** The detail of a resource; it remembers its list, for the way back. */
export function detailPlace(listPlace, { dag_id, task_id, resource }) {
  return { ...listPlace, dag_id, task_id, resource, list: listPlace.dag_id ? "" : "all", tab: "" };
}

/** The list that a detail belongs to. */
export function listPlace(place) {
  const dag_id = place.list === "all" ? "" : place.dag_id;
  return { ...place, dag_id, task_id: "", resource: "", list: "", tab: "" };
}

/** Put `place` into the address: a step of the history, or with `replace` a change of this one. */
export function writePlace(place, { replace = false } = {}) {
  window.history[replace ? "replaceState" : "pushState"](null, "", placeHref(place));
  reportAddress();
}
