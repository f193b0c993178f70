// The dialog of an action: inputs, what it would do, and only then the button that does it.

import { airflowLink } from "./airflow.js";
import { planAction, sendAction } from "./api.js";
import { debounce, element, focusKey } from "./dom.js";

const TYPING_PAUSE = 300;

/**
 * Open the dialog of an action.
 *
 * `fields` are its inputs, `read()` gives the action as it stands or null while something is
 * missing, `missing` says what. `confirm` is the word on the button, `openerKey` the `data-key` of
 * the button that gets the focus back, and `done()` is called once the action has been recorded.
 */
export function openActionDialog({
  title,
  intro,
  fields,
  read,
  missing,
  confirm,
  openerKey,
  done,
}) {
  let planned = null;
  let request = null;
  const heading = element("h2", { id: "dialog-title", tabindex: "-1" }, title);
  const effects = element("div", {
    class: "effects",
    role: "status",
    "aria-live": "polite",
    "aria-label": "What it would do",
  });
  const failure = element("div", { role: "alert" });
  const confirmButton = element(
    "button",
    { type: "submit", class: "primary", disabled: true },
    confirm,
  );
  const cancelButton = element(
    "button",
    { type: "button", onclick: () => dialog.close() },
    "Cancel",
  );
  const replan = debounce(plan, TYPING_PAUSE);
  const form = element(
    "form",
    { oninput: onInput, onsubmit: onSubmit },
    heading,
    intro ? element("p", {}, intro) : null,
    fields,
    effects,
    failure,
    element("div", { class: "buttons" }, cancelButton, confirmButton),
  );
  const dialog = element("dialog", { "aria-labelledby": "dialog-title", onclose: onClose }, form);

  function onInput() {
    // what was planned is no longer what the inputs say
    forgetPlan();
    replan();
  }

  function forgetPlan() {
    request?.abort();
    planned = null;
    confirmButton.disabled = true;
  }

  async function plan() {
    if (!dialog.open) return;
    forgetPlan();
    failure.replaceChildren();
    const action = read();
    if (!action) {
      effects.replaceChildren(element("p", { class: "muted" }, missing));
      return;
    }
    const current = new AbortController();
    request = current;
    effects.setAttribute("aria-busy", "true");
    if (!effects.hasChildNodes())
      effects.append(element("p", { class: "muted" }, "Working out what it would do…"));
    try {
      showPlan(await planAction(action, current.signal));
      planned = action;
      confirmButton.disabled = false;
    } catch (error) {
      if (error.name !== "AbortError") showFailure(error);
    } finally {
      if (request === current) effects.setAttribute("aria-busy", "false");
    }
  }

  function showPlan(answer) {
    const list = answer.effects.map((effect) => element("li", {}, effect));
    effects.replaceChildren(
      element("h3", {}, "What it would do"),
      element("ul", {}, list),
      ...(answer.replaces
        ? [
            element(
              "p",
              { class: "replaces" },
              `It takes the place of a request that waits: ${answer.replaces}`,
            ),
          ]
        : []),
    );
  }

  function showFailure(error) {
    effects.replaceChildren();
    failure.replaceChildren(element("p", { class: "notice error" }, error.message));
  }

  async function onSubmit(event) {
    event.preventDefault();
    if (!planned) return;
    const action = planned;
    form.inert = true;
    confirmButton.textContent = "Sending…";
    try {
      showDone(await sendAction(action));
      done();
    } catch (error) {
      failure.replaceChildren(element("p", { class: "notice error" }, error.message));
      confirmButton.textContent = confirm;
      form.inert = false;
      confirmButton.focus();
    }
  }

  function showDone({ message, link }) {
    form.inert = false;
    const close = element(
      "button",
      { type: "button", class: "primary", onclick: () => dialog.close() },
      "Close",
    );
    form.replaceChildren(
      heading,
      element("p", { class: "notice done", role: "status" }, message),
      ...(link ? [element("p", {}, airflowLink(link, "Open the run in Airflow"))] : []),
      element("div", { class: "buttons" }, close),
    );
    close.focus();
  }

  function onClose() {
    request?.abort();
    dialog.remove();
    // the view may have been drawn anew since: the button is found by its name, not kept
    focusKey(openerKey);
  }

  document.body.append(dialog);
  dialog.showModal();
  (fields?.querySelector("input, select") ?? heading).focus();
  plan();
}
