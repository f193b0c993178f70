// The page's requests. Addresses are relative: a base path may stand in front of the page.

import { sentence } from "./format.js";

export class ApiError extends Error {
  /** `status` is HTTP's, 0 when nobody answered; the message is for the reader. */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export function getDags(signal) {
  return request("api/dags", { signal });
}

/** A page of resources; of `filters`, the empty ones are left out. */
export function getResources(filters, signal) {
  return request(`api/resources?${query(filters)}`, { signal });
}

export function getResource({ dag_id, task_id, resource }, signal) {
  return request(`api/resource?${query({ dag_id, task_id, resource })}`, { signal });
}

/** What `action` would do; changes nothing. */
export function planAction(action, signal) {
  return post("api/plan", action, signal);
}

export function sendAction(action) {
  return post("api/actions", action);
}

function query(values) {
  const known = Object.entries(values).filter(
    ([, value]) => value !== "" && value !== null && value !== undefined,
  );
  return new URLSearchParams(known).toString();
}

function post(path, body, signal) {
  const headers = { "Content-Type": "application/json" };
  return request(path, { method: "POST", headers, body: JSON.stringify(body), signal });
}

async function request(path, options) {
  const headers = { Accept: "application/json", ...options.headers };
  let response;
  try {
    response = await fetch(path, {
      credentials: "same-origin",
      cache: "no-store",
      ...options,
      headers,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "Airflow's API server does not answer. Try again in a moment.");
  }
  const body = await response.json().catch(() => null);
  options.signal?.throwIfAborted();
  if (response.ok && body !== null) return body;
  throw new ApiError(
    response.status,
    describeFailure(response.status, describeDetail(body?.detail)),
  );
}

function describeFailure(status, detail) {
  if (status === 401)
    return "You are not logged in, or no longer. Log in to Airflow, then refresh this page.";
  if (status === 403) return `You are not allowed to do this. ${sentence(detail)}`.trim();
  return (
    sentence(detail) || `Airflow's API server answered ${status} without saying why. Its log knows more.`
  );
}

function describeDetail(detail) {
  // FastAPI lists what is wrong with an input; everything else is text
  if (Array.isArray(detail)) {
    return detail
      .map((each) => [each.loc?.slice(1).join("."), each.msg].filter(Boolean).join(": "))
      .join("; ");
  }
  return typeof detail === "string" ? detail : "";
}
