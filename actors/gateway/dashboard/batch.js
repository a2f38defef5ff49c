// batch.js: Many videos from one file, dropped onto the page: JSON Lines, each line as POST /v1/videos takes it (or as a
// line of the OpenAI batch format), or plain text with one prompt a line. Each line is sent with a key made of the
// file's content and the line's number, so that the same file makes no second videos.
import {h, put, mark, show, visible, count, bytes} from "./dom.js";
import {post, get, sleep} from "./api.js";
import {t} from "./words.js";
import {notice, account} from "./app.js";

const LINES_MOST = 10000, BYTES_MOST = 16 << 20, SHOWN_MOST = 200, AT_ONCE = 4, FOLLOWED_MOST = 1000;

/// 64 bits of FNV-1a: tells files apart, and works where a page has no crypto.subtle.
function digest(text) {
  let high = 0xcbf29ce4, low = 0x84222325;
  for (const byte of new TextEncoder().encode(text)) {
    low ^= byte;
    const product = low * 0x1b3;
    high = (Math.imul(high, 0x1b3) + (low << 8) + Math.floor(product / 4294967296)) >>> 0;
    low = product >>> 0;
  }
  return high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0");
}

/// One line as a body, or why it is none.
export function readLine(text, isJson) {
  if (!isJson) return {body: {prompt: text.trim()}};
  let value;
  try {
    value = JSON.parse(text);
  } catch (e) {
    return {error: t("batch.no_json", {why: e.message})};
  }
  if (typeof value === "string") return {body: {prompt: value}};
  if (value === null || typeof value !== "object" || Array.isArray(value)) return {error: t("batch.no_object")};
  if (value.body && typeof value.body === "object" && value.custom_id !== undefined)
    return {body: value.body, name: String(value.custom_id)};
  return {body: value};
}

export function readLines(text) {
  const lines = text.replace(/^\ufeff/, "").split(/\r?\n/);
  const isJson = lines.some(l => l.trimStart().startsWith("{"));
  return lines.map((line, i) => ({number: i + 1, line})).filter(one => one.line.trim())
    .map(one => ({number: one.number, state: "ready", ...readLine(one.line, isJson)}))
    .map(one => (one.error ? {...one, state: "wrong"} : one));
}

export function batchView() {
  const input = h("input", {type: "file", accept: ".jsonl,.ndjson,.txt,.json", class: "unseen", id: "file"});
  const drop = h("label", {class: "drop", htmlFor: "file", tabIndex: 0},
                 h("b", null, t("batch.drop")), h("span", null, t("batch.formats")));
  const start = h("button", {type: "button", class: "main", hidden: true}, t("batch.start"));
  const stop = h("button", {type: "button", class: "bad", hidden: true}, t("batch.stop"));
  const save = h("button", {type: "button", class: "quiet", hidden: true}, t("batch.save"));
  const cls = h("select", null, account().classes.map(c => h("option", {value: c, selected: c === "free"}, t("class." + c))));
  const about = h("p", {class: "note"}), body = h("tbody"), more = h("p", {class: "note"});
  const bar = h("span", {class: "bar large"}, ...["done", "running", "waiting", "wrong"].map(k => h("i", {class: k})));
  const sums = h("p", {class: "sums", role: "status"});
  const table = h("table", {class: "lines"}, h("thead", null, h("tr", null,
    ["batch.line", "batch.prompt", "batch.state"].map(k => h("th", {scope: "col"}, t(k))))), body);
  const work = h("section", {class: "panel", hidden: true}, h("header", null, h("h2", null, t("batch.file")), about),
                 h("div", {class: "actions"}, start, stop, save, h("label", {class: "check"}, t("create.class"), cls)),
                 bar, sums, table, more);
  let lines = [], key = "", running = false, alive = true;
  const cells = new Map();

  function draw() {
    cells.clear();
    body.replaceChildren(...lines.slice(0, SHOWN_MOST).map(one => {
      const state = h("td");
      cells.set(one, state);
      return h("tr", null, h("td", {class: "number"}, count(one.number)),
               h("td", null, visible((one.name ? one.name + ": " : "") + ((one.body && one.body.prompt) || ""))), state);
    }));
    put(more, lines.length > SHOWN_MOST ? t("batch.more", {n: count(lines.length - SHOWN_MOST)}) : "");
    update();
  }
  function update() {
    const n = {};
    for (const one of lines) n[one.state] = (n[one.state] || 0) + 1;
    const of = (...states) => states.reduce((sum, s) => sum + (n[s] || 0), 0);
    const parts = [of("completed"), of("in_progress"), of("queued", "sending"), of("wrong", "failed")];
    parts.forEach((v, i) => bar.children[i].style.setProperty("--part", lines.length ? v / lines.length : 0));
    put(sums, t("batch.sums", {lines: count(lines.length), sent: count(lines.filter(l => l.id).length),
                               done: count(parts[0]), wrong: count(parts[3])}));
    for (const [one, cell] of cells) {
      const words = one.error ? visible(one.error) : t("batch." + one.state);
      if (cell.textContent === words) continue;
      cell.replaceChildren(one.id ? h("a", {href: "#/job/" + one.id}, words) : words);
      mark(cell, "state " + one.state);
    }
    show(start, !running && of("ready") > 0);
    show(stop, running);
    show(save, lines.some(l => l.id));
  }

  async function take(file) {
    if (!file || running) return;
    if (file.size > BYTES_MOST) return notice(t("batch.too_large", {most: bytes(BYTES_MOST)}), "bad");
    const text = await file.text();
    lines = readLines(text);
    key = "page-" + digest(text);
    if (lines.length > LINES_MOST) {
      lines = [];
      return notice(t("batch.too_many", {most: count(LINES_MOST)}), "bad");
    }
    put(about, `${visible(file.name)} \u00b7 ${bytes(file.size)}`);
    show(work, true);
    draw();
  }

  async function sendOne(one) {
    one.state = "sending";
    for (;;) {
      try {
        const video = await post("/v1/videos", {class: cls.value, ...one.body},
                                 {"Idempotency-Key": `${key}-${one.number}`});
        one.id = video.id;
        one.state = video.status;
        return;
      } catch (e) {
        const later = e.status === undefined || e.status === 503 || (e.status === 429 && e.retryAfter < 60);
        if (!later || !running || !alive) {
          one.state = e.status === undefined ? "ready" : "wrong";
          one.error = e.status === undefined ? undefined : e.message;
          return;
        }
        await sleep(1000 * Math.max(1, e.retryAfter || 1));
      }
    }
  }
  async function send() {
    running = true;
    let drawn = 0;
    const next = lines.filter(l => l.state === "ready");
    const hand = async () => {
      while (running && alive && next.length) {
        await sendOne(next.shift());
        if (performance.now() - drawn < 100) continue;
        drawn = performance.now();
        update();
      }
    };
    update();
    await Promise.all(Array.from({length: AT_ONCE}, hand));
    running = false;
    update();
    follow();
  }

  /// Page by page, until all have ended. Larger files than that are left to the list of jobs.
  let following = false;
  async function follow() {
    if (following || lines.length > FOLLOWED_MOST) return;
    following = true;
    for (;;) {
      const open = new Map(lines.filter(l => l.state === "queued" || l.state === "in_progress").map(l => [l.id, l]));
      if (open.size === 0 || !alive) break;
      try {
        let after = "";
        for (let pages = 0; open.size && pages < 2 * FOLLOWED_MOST / 100; ++pages) {
          const page = await get("/v1/videos?limit=100" + after);
          for (const v of page.data) {
            const one = open.get(v.id);
            if (one) one.state = v.status;
            if (one && v.error) one.error = v.error.message;
            open.delete(v.id);
          }
          if (!page.has_more) break;
          after = "&after=" + page.last_id;
        }
      } catch {
        // asked again
      }
      update();
      await sleep(1500);
    }
    following = false;
  }

  input.addEventListener("change", () => take(input.files[0]));
  drop.addEventListener("keydown", e => {
    if (e.key === "Enter" || e.key === " ") {
      e.preventDefault();
      input.click();
    }
  });
  for (const kind of ["dragenter", "dragover"])
    drop.addEventListener(kind, e => {
      e.preventDefault();
      drop.classList.add("over");
    });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", e => {
    e.preventDefault();
    drop.classList.remove("over");
    take(e.dataTransfer.files[0]);
  });
  start.addEventListener("click", send);
  stop.addEventListener("click", () => (running = false));
  save.addEventListener("click", () => {
    const text = lines.map(l => JSON.stringify({line: l.number, custom_id: l.name, id: l.id, status: l.state, error: l.error}));
    const url = URL.createObjectURL(new Blob([text.join("\n") + "\n"], {type: "application/jsonl"}));
    h("a", {href: url, download: "videos.jsonl"}).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  });
  const node = h("div", {class: "batch view"}, h("h1", null, t("nav.batch")), drop, input, work);
  return {node, title: t("nav.batch"), end() {
    alive = false;
    running = false;
  }};
}
