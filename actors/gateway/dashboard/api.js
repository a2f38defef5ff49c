// api.js: Everything that is asked of the gateway. The key lives in sessionStorage: it ends with the tab, and is sent
// nowhere but to the page's own origin, in the Authorization header.

const KEY = "reelworks.key";

export const session = {
  get key() {
    return sessionStorage.getItem(KEY) || "";
  },
  set key(value) {
    value ? sessionStorage.setItem(KEY, value) : sessionStorage.removeItem(KEY);
  },
};

export class Refused extends Error {
  constructor(status, error, retryAfter) {
    super((error && error.message) || "HTTP " + status);
    this.status = status;
    this.code = (error && error.code) || "";
    this.param = (error && error.param) || "";
    this.retryAfter = retryAfter;
  }
}

let whenSignedOut = () => {};
export function onSignedOut(f) {
  whenSignedOut = f;
}

function headers(more) {
  return {Authorization: "Bearer " + session.key, ...more};
}

async function refusal(response) {
  let error = null;
  try {
    error = (await response.json()).error;
  } catch {
    // no JSON: the status says enough
  }
  if (response.status === 401) whenSignedOut();
  return new Refused(response.status, error, Number(response.headers.get("retry-after")) || 0);
}

export async function ask(method, path, body, more) {
  const options = {method, headers: headers(more), cache: "no-store", credentials: "omit"};
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const response = await fetch(path, options);
  if (!response.ok) throw await refusal(response);
  return response.json();
}

export const get = path => ask("GET", path);
export const post = (path, body, more) => ask("POST", path, body, more);

export function sleep(ms, signal) {
  return new Promise(done => {
    const timer = setTimeout(done, ms);
    if (signal)
      signal.addEventListener("abort", () => {
        clearTimeout(timer);
        done();
      });
  });
}

// ---------------------------------------------------------------- server-sent events

/// Calls `onEvent(kind, data)` for each event until stop() of what it returns. A lost connection is made again, after
/// half a second at first and eight at most; `onState` hears "live", "lost" or, with an error, "refused".
/// Not EventSource, which cannot send a key. A stream that the server ends is over when `ends()` says so.
export function stream(path, onEvent, onState, {ends} = {}) {
  const control = new AbortController();
  run().catch(() => {});
  return {stop: () => control.abort()};

  async function run() {
    for (let pause = 500; !control.signal.aborted; pause = Math.min(pause * 2, 8000)) {
      try {
        const response = await fetch(path, {headers: headers(), signal: control.signal, cache: "no-store"});
        if (!response.ok) throw await refusal(response);
        onState("live");
        pause = 250;
        await read(response.body.getReader());
        if (ends && ends()) return;
      } catch (error) {
        if (control.signal.aborted) return;
        if (error instanceof Refused && error.status < 500 && error.status !== 429) return onState("refused", error);
      }
      if (control.signal.aborted) return;
      onState("lost");
      await sleep(pause, control.signal);
    }
  }

  /// The server says something at least every 15 s: after three times that it is gone.
  async function read(reader) {
    const decoder = new TextDecoder();
    let text = "";
    for (;;) {
      const timer = setTimeout(() => reader.cancel().catch(() => {}), 45000);
      const {value, done} = await reader.read().finally(() => clearTimeout(timer));
      if (done || control.signal.aborted) return;
      text += decoder.decode(value, {stream: true});
      for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) emit(text.slice(0, end));
    }
  }

  function emit(block) {
    let kind = "message", data = "";
    for (const line of block.split("\n")) {
      if (line.startsWith("event: ")) kind = line.slice(7);
      else if (line.startsWith("data: ")) data += line.slice(6);
    }
    if (data) onEvent(kind, JSON.parse(data));
  }
}

// ---------------------------------------------------------------- pictures and videos

/// They need the key, so they are fetched and shown from memory. At most 64 thumbnails are kept; two are fetched at once.
const thumbnails = new Map();
const waiting = [];
let fetching = 0;

export async function content(id, variant) {
  const response = await fetch(`/v1/videos/${encodeURIComponent(id)}/content?variant=${variant}`, {headers: headers()});
  if (!response.ok) throw await refusal(response);
  return URL.createObjectURL(await response.blob());
}

function startFetching() {
  while (fetching < 2 && waiting.length > 0) {
    const {id, done} = waiting.shift();
    ++fetching;
    content(id, "thumbnail")
      .then(done, () => done(""))
      .finally(() => {
        --fetching;
        startFetching();
      });
  }
}

export function thumbnail(id) {
  if (!thumbnails.has(id)) {
    thumbnails.set(id, new Promise(done => waiting.push({id, done})));
    startFetching();
    if (thumbnails.size > 64) {
      const [oldest, url] = thumbnails.entries().next().value;
      thumbnails.delete(oldest);
      url.then(u => u && URL.revokeObjectURL(u));
    }
  }
  return thumbnails.get(id);
}

export function forgetPictures() {
  for (const url of thumbnails.values()) url.then(u => u && URL.revokeObjectURL(u));
  thumbnails.clear();
}
