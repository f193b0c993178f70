// Numbers, times and cursor values as text. The page is in English, so its numbers are too.

import { element } from "./dom.js";

const LANGUAGE = "en";
const NUMBER = new Intl.NumberFormat(LANGUAGE);
const TENTHS = new Intl.NumberFormat(LANGUAGE, {
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});
const RELATIVE = new Intl.RelativeTimeFormat(LANGUAGE, { numeric: "auto" });
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;
const UNITS = [
  ["year", 31536000],
  ["month", 2592000],
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

export function formatNumber(value) {
  return typeof value === "number" ? NUMBER.format(value) : "";
}

/** `1 row`, `1,200 rows`. */
export function formatCount(value, singular, plural = `${singular}s`) {
  return `${NUMBER.format(value)} ${value === 1 ? singular : plural}`;
}

export function formatSeconds(value) {
  if (typeof value !== "number") return "";
  return value < 100 ? TENTHS.format(value) : NUMBER.format(Math.round(value));
}

/** `2026-11-21 10:00:05` in the browser's zone, the form that Airflow shows. */
export function formatTime(text) {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) return String(text);
  const pad = (value) => String(value).padStart(2, "0");
  const day = [time.getFullYear(), pad(time.getMonth() + 1), pad(time.getDate())].join("-");
  return `${day} ${[time.getHours(), time.getMinutes(), time.getSeconds()].map(pad).join(":")}`;
}

export function formatRelative(text) {
  // a server's clock that is ahead must not put a load into the future
  const seconds = Math.max(0, (Date.now() - new Date(text).getTime()) / 1000);
  if (Number.isNaN(seconds)) return String(text);
  const [unit, length] = UNITS.find(([, each]) => seconds >= each) ?? UNITS.at(-1);
  return RELATIVE.format(-Math.floor(seconds / length), unit);
}

/** "5 minutes ago", with the exact time in its title; `refreshTimes` keeps it true. */
export function relativeTime(text) {
  return element(
    "time",
    { datetime: text, title: `${formatTime(text)} (${ZONE})`, "data-relative": true },
    formatRelative(text),
  );
}

/** The exact time, with the zone in its title. */
export function exactTime(text) {
  return element(
    "time",
    { datetime: text, title: `${formatRelative(text)} (${ZONE})` },
    formatTime(text),
  );
}

export function refreshTimes() {
  for (const node of document.querySelectorAll("time[data-relative]")) {
    const text = formatRelative(node.dateTime);
    if (node.textContent !== text) node.textContent = text;
  }
}

/** What the server says in lower case and without a full stop, as a sentence. */
export function sentence(text) {
  if (!text) return "";
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}

/** A cursor's value as the source gave it: its zone and digits matter, so nothing is converted. */
export function formatCursor(value) {
  if (value === null || value === undefined) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
