// What a person may do to a resource: the buttons, and the inputs of each action.

import { openActionDialog } from "./dialog.js";
import { element } from "./dom.js";
import { exactTime, formatCursor, formatTime } from "./format.js";

const MODES = {
  replace: "Writes the table anew in place of its old rows, atomically where the destination can.",
  drop_data: "Empties the tables first, then loads.",
  drop_resources: "Drops the tables with their columns too, then loads.",
};
const VALUE_TYPES = ["datetime", "date", "int", "float", "decimal", "str"];

/** The buttons of a resource, or why there are none. */
export function actionBar(data, done) {
  const reason = reasonAgainst(data);
  if (reason) return element("p", { class: "muted" }, reason);
  const button = (key, text, open) =>
    element(
      "button",
      {
        type: "button",
        "data-key": key,
        "aria-haspopup": "dialog",
        onclick: () => open(data, key, done),
      },
      text,
    );
  return element(
    "div",
    { class: "action-bar", role: "group", "aria-label": "Actions" },
    button("action-refresh", "Full refresh…", openRefresh),
    // what cannot be read here cannot be changed here either; a refresh is a run of the Dag
    data.problem ? null : button("action-set", "Set cursor…", openSet),
    data.problem ? null : button("action-reset", "Reset…", openReset),
  );
}

function reasonAgainst(data) {
  if (!data.can_edit)
    return `To change something here, one needs the right to edit the Dag ${data.dag_id}.`;
  if (data.is_whole_source)
    return (
      "This task loads a whole source, whose resources its first load will tell. " +
      "There is nothing to refresh, set or reset before that."
    );
  return "";
}

/** The buttons of a load, as far as it can be gone back before; null without any. */
export function loadActions(data, load, done) {
  if (reasonAgainst(data) || !(load.can_rewind || load.can_replay)) return null;
  const button = (action, text, title, open) => {
    const key = `${action}-${load.record_id}`;
    const attributes = {
      type: "button",
      class: "plain",
      "data-key": key,
      "aria-haspopup": "dialog",
      title,
    };
    return element(
      "button",
      {
        ...attributes,
        "aria-label": `${title}: ${load.run_id ?? ""} ${formatTime(load.recorded_at)}`,
        onclick: () => open(data, load, key, done),
      },
      text,
    );
  };
  return [
    load.can_rewind ? button("rewind", "Rewind…", "Rewind to before this load", openRewind) : null,
    load.can_replay ? button("replay", "Replay…", "Replay this run", openReplay) : null,
  ];
}

function targetOf({ dag_id, task_id, resource }) {
  return { dag_id, task_id, resource };
}

function openRefresh(data, openerKey, done) {
  const modes = data.refresh_modes.map((mode, index) =>
    choice(
      { type: "radio", name: "refresh_mode", value: mode, checked: index === 0 },
      mode,
      MODES[mode],
    ),
  );
  const allowEmpty = choice(
    { type: "checkbox", name: "allow_empty_replace" },
    "Even if the source returns no rows",
    "Otherwise a load that brings nothing is stopped, and the table keeps its rows.",
  );
  const fields = element(
    "div",
    { class: "fields" },
    element("fieldset", {}, element("legend", {}, "How"), modes),
    allowEmpty,
  );
  const read = () => ({
    ...targetOf(data),
    action: "refresh",
    refresh_mode: fields.querySelector("[name=refresh_mode]:checked")?.value,
    allow_empty_replace: fields.querySelector("[name=allow_empty_replace]").checked,
  });
  openActionDialog({
    title: `Full refresh of ${data.resource}`,
    fields,
    read,
    confirm: "Start full refresh",
    openerKey,
    done,
    intro:
      "Loads everything again from the start, in a run of its own.",
  });
}

function choice(attributes, text, hint) {
  return element(
    "label",
    { class: "choice" },
    element("input", attributes),
    element(
      "span",
      {},
      element("span", { class: "choice-name" }, text),
      hint ? element("span", { class: "muted" }, hint) : null,
    ),
  );
}

function openReset(data, openerKey, done) {
  openActionDialog({
    title: `Reset ${data.resource}`,
    confirm: "Reset",
    openerKey,
    done,
    read: () => ({ ...targetOf(data), action: "reset" }),
    intro: "Forgets the cursor: the next load starts from the beginning.",
  });
}

function openSet(data, openerKey, done) {
  const known = data.cursor;
  const path = known.length
    ? element(
        "select",
        { id: "cursor-path", name: "path" },
        // a path alone may name two cursors, so the place in the list is what is chosen
        known.map((each, index) =>
          element("option", { value: index }, `${each.path}${ownerOf(each, data)}`),
        ),
      )
    : element("input", {
        id: "cursor-path",
        name: "path",
        required: true,
        autocomplete: "off",
        placeholder: "updated_at",
      });
  const value = element("input", {
    id: "cursor-value",
    name: "value",
    required: true,
    autocomplete: "off",
    spellcheck: "false",
  });
  const type = element(
    "select",
    { id: "cursor-type", name: "value_type" },
    VALUE_TYPES.map((each) => element("option", { value: each }, each)),
  );
  const typeField = field("Type", type);
  const chosen = () => (known.length ? known[path.value] : undefined);
  const prefill = () => {
    value.value = formatCursor(chosen()?.value);
    typeField.hidden = VALUE_TYPES.includes(chosen()?.type);
  };
  path.addEventListener("change", prefill);
  prefill();
  const read = () => {
    if (!path.value.trim() || !value.value.trim()) return null;
    const action = {
      ...targetOf(data),
      action: "set",
      path: chosen()?.path ?? path.value.trim(),
      cursor_resource: chosen()?.resource,
      value: value.value.trim(),
    };
    // the type of a known cursor is the server's to know
    return typeField.hidden ? action : { ...action, value_type: type.value };
  };
  openActionDialog({
    title: `Set the cursor of ${data.resource}`,
    read,
    confirm: "Set cursor",
    openerKey,
    done,
    fields: element(
      "div",
      { class: "fields" },
      field("Cursor path", path),
      field("Value", value),
      typeField,
    ),
    missing: known.length ? "Enter a value." : "Enter the path of the cursor and a value.",
    intro: "The next load goes on from this value.",
  });
}

/** Whose cursor it is, unless there is no doubt. */
function ownerOf(cursor, data) {
  const isOnlyOwn = data.cursor.every((each) => each.resource === data.resource);
  return isOnlyOwn ? "" : ` of ${cursor.resource}`;
}

function field(text, control) {
  return element("div", { class: "field" }, element("label", { for: control.id }, text), control);
}

function openRewind(data, load, openerKey, done) {
  openActionDialog({
    title: "Rewind to before this load",
    confirm: "Rewind",
    openerKey,
    done,
    read: () => ({ ...targetOf(data), action: "rewind", record_id: load.record_id }),
    intro: loadIntro(data, load),
  });
}

function openReplay(data, load, openerKey, done) {
  openActionDialog({
    title: "Replay this run",
    confirm: "Replay",
    openerKey,
    done,
    read: () => ({ ...targetOf(data), action: "replay", run_id: load.run_id }),
    intro: loadIntro(data, load),
  });
}

function loadIntro(data, load) {
  return element(
    "span",
    {},
    `${data.resource}, ${load.run_id ?? "no run"}, `,
    exactTime(load.recorded_at),
  );
}
