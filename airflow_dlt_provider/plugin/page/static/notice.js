// What stands where data would stand: loading, nothing there, or an error.

import { airflowLink } from "./airflow.js";
import { element } from "./dom.js";

export function loadingNotice(text) {
  return element("p", { class: "notice loading" }, text);
}

/** Nothing to show, and what to do about it. */
export function emptyNotice(title, text, ...actions) {
  return element(
    "div",
    { class: "notice empty" },
    element("h2", {}, title),
    element("p", {}, text),
    actions,
  );
}

/** An error that keeps data from being shown, with a button that tries again. */
export function errorNotice(error, retry) {
  return element(
    "div",
    { class: "notice error", role: "alert" },
    element("p", {}, error.message),
    element(
      "span",
      { class: "buttons" },
      error.status === 401 ? airflowLink("../", "Log in to Airflow") : null,
      element("button", { type: "button", onclick: retry, "data-key": "retry" }, "Try again"),
    ),
  );
}

/** Put into `container` that a refresh failed; what was loaded before stays on the page. */
export function showStale(container, error) {
  const text = `Not refreshed. ${error.message}`;
  // the same words again would be read out again with every refresh that fails
  if (container.textContent === text) return;
  container.replaceChildren(element("p", { class: "notice error", role: "alert" }, text));
}
