// Builds elements. Data only ever becomes text or the value of an attribute, never markup.

const SVG = "http://www.w3.org/2000/svg";

/**
 * An HTML element. A function under `onclick` and the like becomes a listener; `true` an attribute
 * without value; `false`, `null` and `undefined` leave attribute or child out.
 */
export function element(tag, attributes = {}, ...children) {
  return complete(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function drawing(tag, attributes = {}, ...children) {
  return complete(document.createElementNS(SVG, tag), attributes, children);
}

function complete(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(
    ...children.flat().filter((child) => child !== null && child !== undefined && child !== false),
  );
  return node;
}

/** Replace what `container` holds; focus, sideways scrolling and opened details stay as they were. */
export function replaceContent(container, ...children) {
  const focused = container.contains(document.activeElement)
    ? document.activeElement.dataset.key
    : undefined;
  const offsets = [...container.querySelectorAll(".scroller")].map((node) => node.scrollLeft);
  const unfolded = new Map(
    [...container.querySelectorAll("details")].map((node) => [node.dataset.name, node.open]),
  );
  container.replaceChildren(...children.flat().filter(Boolean));
  for (const node of container.querySelectorAll("details"))
    node.open = unfolded.get(node.dataset.name) ?? node.open;
  [...container.querySelectorAll(".scroller")].forEach((node, index) => {
    node.scrollLeft = offsets[index] ?? 0;
  });
  if (focused !== undefined) focusKey(focused, container);
}

/** Focus the element that carries this `data-key`; false when there is none. */
export function focusKey(key, container = document) {
  // compared here, since a key holds names and a selector would have to escape them
  const node = [...container.querySelectorAll("[data-key]")].find(
    (each) => each.dataset.key === key,
  );
  node?.focus({ preventScroll: true });
  return Boolean(node);
}

/** Call `action` once `milliseconds` have passed without another call. */
export function debounce(action, milliseconds) {
  let timer;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...values), milliseconds);
  };
}

/** Tell readers of the screen something, without moving the focus. */
export function announce(text) {
  document.getElementById("announcements").textContent = text;
}

/**
 * A table that keeps its meaning when a narrow screen lays it out as cards: the roles are written
 * out because `display: block` takes the implied ones away, and each cell names its column.
 */
export function table(label, columns, rows, attributes = {}) {
  const heads = columns.map((column) =>
    element(
      "th",
      { scope: "col", role: "columnheader", class: column.class },
      column.hidden ? element("span", { class: "visually-hidden" }, column.name) : column.name,
    ),
  );
  return element(
    "table",
    { role: "table", "aria-label": label, ...attributes },
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, heads)),
    element("tbody", { role: "rowgroup" }, rows),
  );
}

/** A row of `table`; one content per column, `null` for an empty cell. */
export function row(columns, contents, attributes = {}) {
  const cells = columns.map((column, index) =>
    element(
      "td",
      { role: "cell", class: column.class, "data-label": column.hidden ? null : column.name },
      contents[index],
    ),
  );
  return element("tr", { role: "row", ...attributes }, cells);
}
