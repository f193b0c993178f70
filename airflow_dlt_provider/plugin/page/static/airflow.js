// What the page needs of Airflow's UI around it.

import { element } from "./dom.js";

/**
 * A link to one of Airflow's own pages, for the whole window.
 *
 * Airflow's frame is sandboxed without `allow-top-navigation`, which makes `target="_top"` a dead
 * link; an anchor that belongs to Airflow's document is not under that sandbox.
 */
export function airflowLink(path, text, attributes = {}) {
  const url = new URL(path, document.baseURI);
  // only pages of this server: what arrives here is data
  if (url.origin !== window.location.origin) return element("span", attributes, text);
  return element(
    "a",
    { ...attributes, href: url.href, target: "_top", onclick: openThroughParent },
    text,
  );
}

function openThroughParent(event) {
  const outer = parentDocument();
  if (!outer) return;
  event.preventDefault();
  const twin = outer.createElement("a");
  twin.href = event.currentTarget.href;
  if (event.ctrlKey || event.metaKey || event.shiftKey) twin.target = "_blank";
  outer.body.append(twin);
  twin.click();
  twin.remove();
}

function parentDocument() {
  try {
    return window.parent === window ? null : window.parent.document;
  } catch {
    return null;
  }
}

/**
 * Tell Airflow that the frame's address changed. Airflow copies it into its own address, so that a
 * reload or a copied link comes back here; but it looks only when the frame has loaded.
 */
export function reportAddress() {
  try {
    window.frameElement?.dispatchEvent(new Event("load"));
  } catch {
    // a frame of another origin keeps its address to itself
  }
}
