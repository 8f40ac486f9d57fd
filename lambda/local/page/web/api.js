// The answers of the page's own server. Each is kept with its ETag, so that what
// has not changed is neither sent nor shown again.

const kept = new Map();
let offset = null;

/** get asks for a path and returns { value, changed }. */
export async function get(path, parameters = {}) {
  const query = new URLSearchParams(parameters).toString();
  const url = `/api/${path}${query ? "?" + query : ""}`;
  const old = kept.get(url);
  const sent = performance.now();
  const reply = await fetch(url, { cache: "no-store", headers: old ? { "If-None-Match": old.etag } : {} });
  const now = Date.parse(reply.headers.get("Lakegate-Time"));
  if (!Number.isNaN(now)) offset = { world: now, here: (sent + performance.now()) / 2 };
  if (reply.status === 304) return { value: old.value, changed: false };
  if (!reply.ok) throw new Error(`${url}: ${reply.status}`);
  const value = await reply.json();
  if (kept.size > 200) kept.clear();
  kept.set(url, { etag: reply.headers.get("ETag"), value });
  return { value, changed: true };
}

/** worldTime is the time of the emulated world, which passes at a speed. */
export function worldTime(speed) {
  return offset && offset.world + (performance.now() - offset.here) * speed;
}
