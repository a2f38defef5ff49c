// line.js: The line at a glance, for operators: figures, alarms, charts, the queue by class, workers, breakers, the
// newest jobs. Follows /v1/line/events and /v1/events.
import {h, put, mark, show, Keyed, count, duration, bytes, clock, shortId, visible} from "./dom.js";
import {stream, post} from "./api.js";
import {chart} from "./charts.js";
import {row, steps} from "./video.js";
import {t} from "./words.js";
import {ask, notice, connection} from "./app.js";

const CLASSES = ["urgent", "vip", "standard", "free"];

function tile(name) {
  const value = h("b"), more = h("small");
  const node = h("div", {class: "tile"}, h("span", null, name), value, more);
  return {
    node,
    update(v, m = "", kind = "") {
      put(value, v);
      put(more, m);
      mark(node, "tile " + kind);
    },
  };
}

function panel(title, ...children) {
  const note = h("span", {class: "note"});
  return {node: h("section", {class: "panel"}, h("header", null, h("h2", null, title), note), children), note};
}

// ---------------------------------------------------------------- figures and alarms

function figures() {
  const waiting = tile(t("line.waiting")), running = tile(t("line.running")), done = tile(t("line.completed"));
  const accepted = tile(t("line.accepted")), failed = tile(t("line.failed")), oldest = tile(t("line.oldest"));
  const workers = tile(t("line.workers")), retries = tile(t("line.retries"));
  const all = [waiting, running, accepted, done, failed, retries, oldest, workers];
  return {
    node: h("div", {class: "tiles"}, all.map(one => one.node)),
    update(o) {
      const sum = CLASSES.reduce((n, c) => n + o.classes[c].waiting, 0);
      waiting.update(count(sum), sum ? t("line.of", {most: count(o.queued_jobs_max)}) : "");
      running.update(count(o.running), t("line.batches", {n: count(o.batches)}));
      accepted.update(count(o.per_minute.accepted), t("line.per_minute"));
      done.update(count(o.per_minute.completed), t("line.per_minute"), "good");
      failed.update(count(o.per_minute.failed), t("line.per_minute"), o.per_minute.failed ? "bad" : "");
      retries.update(count(o.delayed), t("line.retried", {n: count(o.per_minute.retried)}), o.delayed ? "warn" : "");
      const longest = Math.max(...CLASSES.map(c => o.classes[c].oldest_seconds));
      oldest.update(longest ? duration(longest) : "\u2013");
      const short = o.workers_ready < o.workers_total;
      workers.update(`${count(o.workers_ready)}/${count(o.workers_total)}`,
                     t("line.busy", {n: count(o.workers_busy)}), short ? "warn" : "");
    },
  };
}

function alarms() {
  const node = h("ul", {class: "alarms", "aria-label": t("line.alarms")});
  const list = new Keyed(node, () => {
    const text = h("span"), one = h("li", null, text);
    return {
      node: one,
      update(a) {
        mark(one, a.urgent ? "bad" : "info");
        put(text, t("alarm." + a.kind, {n: count(a.count), subject: a.subject}));
      },
    };
  });
  return {
    node,
    update(o) {
      show(node, o.alarms.length > 0);
      list.update(o.alarms, a => a.kind);
    },
  };
}

function charts() {
  const perMinute = v => count(v * 6);
  const rate = chart(t("chart.rate"),
                     [{name: t("chart.accepted"), class: "a"}, {name: t("chart.completed"), class: "b", fill: true},
                      {name: t("chart.failed"), class: "c"}], perMinute);
  const queue = chart(t("chart.queue"), [{name: t("chart.waiting"), class: "a", fill: true},
                                         {name: t("chart.running"), class: "b"}]);
  const wait = chart(t("chart.wait"), [{name: t("chart.mean"), class: "a", fill: true},
                                       {name: t("chart.longest"), class: "d"}], v => duration(v / 1000));
  return {
    node: h("div", {class: "charts"}, rate.node, queue.node, wait.node),
    update({samples: s}) {
      rate.update([s.accepted, s.completed, s.failed]);
      queue.update([s.waiting, s.running]);
      wait.update([s.wait_ms, s.wait_most_ms]);
    },
  };
}

// ---------------------------------------------------------------- the queue

function classes() {
  const rows = CLASSES.map(c => {
    const cells = [h("td", {class: "number"}), h("td", {class: "number"}), h("td", {class: "number"})];
    const bar = h("i");
    return {c, cells, bar, node: h("tr", null, h("th", {scope: "row"}, t("class." + c)), cells,
                                   h("td", {class: "share"}, h("span", {class: "bar"}, bar)))};
  });
  const head = ["line.class", "line.waiting", "line.running", "line.oldest", "line.share"];
  const where = h("p", {class: "note"}), button = h("button", {type: "button", class: "quiet"});
  const p = panel(t("line.queue"), h("table", null, h("thead", null, h("tr", null, head.map((k, i) =>
    h("th", {scope: "col", class: i > 0 && i < 4 ? "number" : ""}, t(k))))), h("tbody", null, rows.map(r => r.node))),
    where);
  p.node.firstChild.append(button);
  let isPaused = false;
  button.addEventListener("click", async () => {
    const command = isPaused ? "resume" : "pause";
    if (!(await ask(t("queue.ask." + command), t("queue." + command)))) return;
    post("/v1/queue/" + command, {}).then(() => notice(t("queue.did." + command)), e => notice(e.message, "bad"));
  });
  return {
    node: p.node,
    update(o) {
      const most = Math.max(1, ...CLASSES.map(c => o.classes[c].waiting));
      for (const r of rows) {
        const one = o.classes[r.c];
        put(r.cells[0], count(one.waiting));
        put(r.cells[1], count(one.running));
        put(r.cells[2], one.oldest_seconds ? duration(one.oldest_seconds) : "\u2013");
        r.bar.style.setProperty("--part", one.waiting / most);
      }
      isPaused = o.pauses.some(one => one.tenant === null);
      put(button, t(isPaused ? "queue.resume" : "queue.pause"));
      const names = o.pauses.map(one => t("line.paused", {
        whom: one.tenant === null ? t("line.everything") : one.tenant, by: one.by, at: clock(one.since * 1000, true)}));
      put(where, names.join("; "));
      show(where, names.length > 0);
    },
  };
}

function breakers() {
  const body = h("tbody"), none = h("p", {class: "empty"}, t("breaker.none"));
  const head = ["breaker.model", "breaker.device", "breaker.state", "breaker.failures", ""];
  const table = h("table", null, h("thead", null, h("tr", null, head.map(k => h("th", {scope: "col"}, k && t(k))))),
                  body);
  const p = panel(t("line.breakers"), table, none);
  const list = new Keyed(body, item => {
    const cells = [h("th", {scope: "row"}), h("td"), h("td"), h("td"), h("td", {class: "orders"})];
    const state = h("span", {class: "pill"});
    cells[2].append(state);
    const order = (name, o) => {
      const b = h("button", {type: "button", class: "quiet", onclick: async () => {
        if (!(await ask(t("breaker.ask." + o, {model: item.model}), name))) return;
        const body = {model: item.model, order: o};
        if (item.device) body.device = item.device;
        post("/v1/breakers", body).then(() => notice(t("breaker.did")), e => notice(e.message, "bad"));
      }}, name);
      cells[4].append(b);
      return b;
    };
    const open = order(t("breaker.open"), "open"), reset = order(t("breaker.reset"), "reset");
    return {
      node: h("tr", null, cells),
      update(b) {
        item = b;
        put(cells[0], b.model);
        put(cells[1], visible(b.device) || "\u2013");
        mark(state, "pill " + (b.state === "closed" ? "done" : b.state === "half_open" ? "retry" : "failed"));
        put(state, t("breaker." + b.state) + (b.by ? ` (${b.by})` : ""));
        put(cells[3], `${count(b.failures)}/${count(b.attempts)}`);
        show(open, b.state !== "forced_open");
        show(reset, b.state !== "closed");
      },
    };
  });
  return {
    node: p.node,
    update(o) {
      list.update(o.breakers, b => b.model + "\n" + b.device);
      show(table, o.breakers.length > 0);
      show(none, o.breakers.length === 0);
    },
  };
}

// ---------------------------------------------------------------- workers

function worker(item) {
  const dot = h("i", {class: "dot"}), state = h("span", {class: "state"}), device = h("div", {class: "device"});
  const memory = h("i"), memoryText = h("small"), meter = h("div", {class: "memory"}, h("span", {class: "bar"}, memory),
                                                           memoryText);
  const bar = steps(), what = h("div", {class: "what"}), now = h("div", {class: "now"});
  const members = h("div", {class: "members"}), why = h("p", {class: "why"});
  const node = h("article", null, h("header", null, dot, h("h3", null, item.id), state), device, meter, what, bar.node,
                 now, members, why);
  const jobs = new Keyed(members, id => {
    const link = h("a", {href: "#/job/" + id, title: id}, shortId(id));
    return {node: link, update() {}};
  });
  return {
    node,
    update(w) {
      const b = w.batch, kind = w.silent ? "silent" : w.state === "ready" ? (b ? "busy" : "idle") : w.state;
      mark(node, "worker " + kind);
      put(state, t("worker." + kind));
      const model = b ? b.model : w.resident;
      put(device, [visible(w.device), model && model + (w.expert ? ` (${t("expert." + w.expert)})` : ""),
                   w.preemptible && t("worker.spot"), w.restarts > 0 && t("worker.restarts", {n: count(w.restarts)})]
                    .filter(Boolean).join(" \u00b7 "));
      show(meter, w.memory_bytes > 0);
      memory.style.setProperty("--part", w.memory_bytes ? Math.min(1, w.used_bytes / w.memory_bytes) : 0);
      put(memoryText, w.used_bytes ? `${bytes(w.used_bytes)} / ${bytes(w.memory_bytes)}` : bytes(w.memory_bytes));
      for (const part of [what, bar.node, now]) show(part, Boolean(b));
      show(why, Boolean(w.message));
      put(why, visible(w.message));
      jobs.update(b ? b.members : [], id => id);
      show(members, Boolean(b && b.members.length));
      if (!b) return;
      put(what, [t("worker.jobs", {n: count(b.jobs)}), b.size, t("worker.frames", {n: b.num_frames}),
                 b.behind > 0 && t("worker.behind", {n: count(b.behind)})].filter(Boolean).join(" \u00b7 "));
      bar.update(b.step, b.steps_total, b.phase === "denoising");
      put(now, [t("phase." + b.phase), b.phase === "denoising" && `${b.step}/${b.steps_total}`,
                b.eta_seconds && t("job.left", {time: duration(b.eta_seconds)})].filter(Boolean).join(" \u00b7 "));
    },
  };
}

function natural(a, b) {
  return a.id.localeCompare(b.id, "en", {numeric: true});
}

function workers() {
  const grid = h("div", {class: "workers"}), none = h("p", {class: "empty"}, t("worker.none"));
  const p = panel(t("line.workers"), grid, none);
  const list = new Keyed(grid, worker);
  return {
    node: p.node,
    update(o) {
      list.update([...o.workers].sort(natural), w => w.id);
      show(none, o.workers.length === 0);
      const left = o.workers_total - o.workers.length;
      put(p.note, left > 0 ? t("worker.more", {n: count(left)}) : "");
    },
  };
}

// ---------------------------------------------------------------- all of it

/// The caller's newest videos, as /v1/events tells them.
export function newest(list, onChange) {
  const known = new Map();
  return stream("/v1/events", (kind, data) => {
    if (kind !== "videos") return;
    for (const one of data.changed) known.set(one.video.id, one);
    const now = data.ids.map(id => known.get(id)).filter(Boolean);
    for (const id of known.keys()) if (!data.ids.includes(id)) known.delete(id);
    list.update(now, one => one.video.id);
    if (onChange) onChange(now);
  }, connection.of("jobs"));
}

export function lineView() {
  const parts = [figures(), alarms(), charts(), classes(), workers(), breakers()];
  const [numbers, trouble, graphs, queue, fleet, fuses] = parts;
  const rows = h("div", {class: "rows"}), none = h("p", {class: "empty"}, t("jobs.none"));
  const jobs = new Keyed(rows, row);
  const recent = panel(t("line.recent"), rows, none);
  const term = h("p", {class: "term"});
  const node = h("div", {class: "line view", "aria-busy": "true"}, h("h1", {class: "unseen"}, t("nav.line")),
                 trouble.node, numbers.node, graphs.node,
                 h("div", {class: "columns"}, h("div", null, queue.node, fuses.node, recent.node), fleet.node), term);
  const feeds = [
    stream("/v1/line/events", (kind, data) => {
      if (kind !== "line") return connection.set("line", "lost");
      connection.set("line", "live");
      node.removeAttribute("aria-busy");
      for (const part of parts) part.update(data);
      put(term, t("line.as_of", {time: clock(data.at_ms), term: count(data.term)}));
    }, connection.of("line")),
    newest(jobs, now => show(none, now.length === 0)),
  ];
  return {node, title: t("nav.line"), end: () => feeds.forEach(f => f.stop())};
}
