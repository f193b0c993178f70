// Tabs after the ARIA pattern: arrow keys go between them, Tab goes into the panel.

import { element, focusKey } from "./dom.js";
import { formatNumber } from "./format.js";

/** Tabs under `label`; `change(id)` is called when a person selects one. */
export function createTabs(label, change) {
  const list = element("div", { role: "tablist", "aria-label": label, onkeydown: onKey });
  const node = element("div", { class: "tabs" }, list);

  /** Show `parts` ({ id, title, count, content }), the one with `selected` open. */
  function show(parts, selected) {
    list.replaceChildren(...parts.map(tabButton));
    node.replaceChildren(element("div", { class: "scroller" }, list), ...parts.map(tabPanel));
    select(selected);
    return node;
  }

  function tabButton({ id, title, count }) {
    const attributes = {
      type: "button",
      role: "tab",
      id: `tab-${id}`,
      "aria-controls": `panel-${id}`,
    };
    return element(
      "button",
      { ...attributes, "data-key": `tab-${id}`, "data-tab": id, onclick: () => change(id) },
      `${title} `,
      count === null ? null : element("span", { class: "badge" }, formatNumber(count)),
    );
  }

  function tabPanel({ id, content }) {
    return element(
      "div",
      { role: "tabpanel", id: `panel-${id}`, "aria-labelledby": `tab-${id}` },
      content,
    );
  }

  function select(id) {
    const tabs = [...list.children];
    // an address may name a tab that does not exist
    const chosen = tabs.find((tab) => tab.dataset.tab === id) ?? tabs[0];
    for (const tab of tabs) {
      tab.setAttribute("aria-selected", String(tab === chosen));
      tab.tabIndex = tab === chosen ? 0 : -1;
      const panel = node.querySelector(`#${tab.getAttribute("aria-controls")}`);
      if (panel) panel.hidden = tab !== chosen;
    }
  }

  function onKey(event) {
    const tabs = [...list.children];
    const here = tabs.indexOf(event.target.closest("[role=tab]"));
    const goal = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: tabs.length - 1 }[
      event.key
    ];
    if (goal === undefined) return;
    event.preventDefault();
    const tab = tabs[(goal + tabs.length) % tabs.length];
    change(tab.dataset.tab);
    focusKey(tab.dataset.key, list);
  }

  return { show, select };
}
