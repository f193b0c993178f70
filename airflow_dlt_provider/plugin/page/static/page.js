// Entry: shows the list or a detail as the address says, and keeps it fresh.

import { reportAddress } from "./airflow.js";
import { createDetail } from "./detail.js";
import { refreshTimes } from "./format.js";
import { createList } from "./list.js";
import { isDetail, readPlace, writePlace } from "./place.js";

const REFRESH_PAUSE = 15000;

const main = document.getElementById("main");
let current = null;
let refreshedAt = 0;
// the list behind a detail, so that the way back finds it as it was left
let left = null;

function go(place, options) {
  writePlace(place, options);
  return show();
}

function show() {
  const place = readPlace();
  const identity = identityOf(place);
  refreshedAt = Date.now();
  if (current?.identity === identity) return current.view.show(place);
  const origin = current;
  if (origin && !isDetail(origin.place)) left = { ...origin, scroll: window.scrollY };
  const kept = left?.identity === identity ? left : null;
  const view = kept?.view ?? (isDetail(place) ? createDetail(place, go) : createList(place, go));
  current = { identity, place, view };
  document.title = view.title;
  main.replaceChildren(view.node);
  window.scrollTo(0, kept?.scroll ?? 0);
  // the first view takes no focus: it would take it out of Airflow's own page
  if (origin && !(kept && view.focusResource(origin.place)))
    view.heading.focus({ preventScroll: true });
  return view.show(place);
}

function identityOf(place) {
  return JSON.stringify(
    isDetail(place) ? [place.dag_id, place.task_id, place.resource] : [place.dag_id],
  );
}

function refreshIfDue() {
  const isLeftAlone = !document.hidden && !document.querySelector("dialog[open]");
  if (!isLeftAlone) return;
  refreshTimes();
  if (Date.now() - refreshedAt < REFRESH_PAUSE) return;
  refreshedAt = Date.now();
  current.view.refresh();
}

function onKey(event) {
  const isTyping = event.target.closest("input, select, textarea, dialog");
  if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!current.view.focusSearch) return;
  event.preventDefault();
  current.view.focusSearch();
}

window.addEventListener("popstate", () => {
  reportAddress();
  show();
});
document.addEventListener("keydown", onKey);
document.addEventListener("visibilitychange", refreshIfDue);
setInterval(refreshIfDue, 1000);
show();
