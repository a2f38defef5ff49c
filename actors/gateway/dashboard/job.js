// job.js: One video: its picture moving, what was asked for, what happened to it, and what can be done about it.
import {h, put, show, visible, duration, clock, count} from "./dom.js";
import {stream, get, post, ask as request, content} from "./api.js";
import {pill, steps, standing, isActive, progressText} from "./video.js";
import {t} from "./words.js";
import {ask, notice, connection, go, account} from "./app.js";

// ---------------------------------------------------------------- the picture

/// Shows the progress of a video until it is there, then the video.
export function stage() {
  const bar = steps(), words = h("p", {class: "now"}), state = pill();
  const film = h("video", {controls: true, loop: true, muted: true, autoplay: true, playsInline: true, hidden: true});
  const wait = h("div", {class: "wait"}, state.node, bar.node, words);
  const node = h("div", {class: "stage"}, film, wait);
  let of = "", url = "", alive = true;
  return {
    node,
    update(video) {
      const kind = standing(video);
      state.update(kind);
      put(words, video.error ? visible(video.error.message) : progressText(video));
      bar.update(video.reel.step, video.reel.steps_total, kind === "running");
      show(bar.node, isActive(video));
      const [width, height] = video.size.split("x").map(Number);
      node.style.setProperty("--shape", width && height ? width / height : 1.6);
      if (kind !== "done" || of === video.id) return;
      of = video.id;
      put(words, t("job.loading"));
      content(video.id, "video").then(made => {
        if (!alive) return URL.revokeObjectURL(made);
        url = made;
        film.src = made;
        film.setAttribute("aria-label", visible(video.prompt));
        show(film, true);
        show(wait, false);
      }, e => put(words, e.code === "no_content" ? t("job.no_file") : e.message));
    },
    save() {
      if (url) h("a", {href: url, download: of + ".mp4"}).click();
    },
    hasFilm: () => Boolean(url),
    end() {
      alive = false;
      film.pause();
      film.removeAttribute("src");
      if (url) URL.revokeObjectURL(url);
    },
  };
}

// ---------------------------------------------------------------- what happened

function happened(e) {
  const words = [t(`event.${e.kind}`, {to: t("state." + stateOf(e.to))})];
  if (e.worker) words.push(e.worker);
  if (e.from_step > 0) words.push(t("event.from_step", {n: e.from_step}));
  if (e.cause) words.push(visible(e.cause));
  if (e.gpu_seconds > 0) words.push(t("event.gpu", {time: duration(e.gpu_seconds)}));
  if (e.by) words.push(t("event.by", {by: e.by}));
  if (e.reason) words.push(visible(e.reason));
  return words.join(" \u00b7 ");
}

function stateOf(ledger) {
  return {queued: "waiting", leased: "running", retry_wait: "retry", succeeded: "done", failed: "failed",
          cancelled: "cancelled", dead_letter: "failed"}[ledger] || "waiting";
}

function timeline() {
  const list = h("ol", {class: "timeline"}), why = h("p", {class: "why"});
  const node = h("section", {class: "panel"}, h("header", null, h("h2", null, t("job.timeline"))), why, list);
  return {
    node,
    update(story) {
      show(why, Boolean(story.why));
      if (story.why) put(why, visible(story.why.message));
      const begin = story.events.length ? story.events[0].at_ms : 0;
      list.replaceChildren(...story.events.map((e, i) => {
        const since = i ? (e.at_ms - begin) / 1000 : 0;
        return h("li", {class: stateOf(e.to)}, h("time", {dateTime: new Date(e.at_ms).toISOString(),
                                                          title: clock(e.at_ms, true)},
                                                 i ? "+" + duration(since) : clock(e.at_ms)),
                 h("span", null, happened(e)));
      }));
    },
  };
}

function facts() {
  const node = h("dl", {class: "facts"});
  return {
    node,
    update(v, tenant) {
      const r = v.reel, seconds = Number(v.seconds);
      const all = [
        ["tenant", tenant], ["model", r.served_model === v.model ? v.model : `${v.model} \u2192 ${r.served_model}`],
        ["size", `${v.size}, ${t("worker.frames", {n: r.num_frames})}, ${duration(seconds)}`], ["steps", r.steps_total],
        ["seed", r.seed], ["class", t("class." + r.class)], ["quality", t("quality." + r.quality)],
        ["attempt", `${r.attempt}/${r.attempts_max}`], ["batch", r.batch_size > 0 ? count(r.batch_size) : ""],
        ["gpu", r.gpu_seconds ? duration(r.gpu_seconds) : ""], ["created", clock(v.created_at * 1000, true)],
        ["completed", v.completed_at ? clock(v.completed_at * 1000, true) : ""],
        ["degraded", r.degraded ? visible(r.degrade_reason) : ""],
        ...Object.entries(r.metadata).map(([key, value]) => [null, visible(value), visible(key)]), ["id", v.id],
      ];
      node.replaceChildren(...all.filter(([, value]) => value !== "" && value !== undefined && value !== null)
                             .map(([key, value, name]) => [h("dt", null, name || t("fact." + key)), h("dd", null, value)])
                             .flat());
    },
  };
}

// ---------------------------------------------------------------- all of it

export function jobView(id) {
  const film = stage(), past = timeline(), about = facts(), state = pill();
  const prompt = h("h1", {class: "prompt"}), trouble = h("p", {class: "trouble", hidden: true, role: "alert"});
  const button = (name, f, kind = "quiet") => h("button", {type: "button", class: kind, hidden: true, onclick: f}, t(name));
  const cancel = button("job.cancel", async () => {
    if (!(await ask(t("job.ask_cancel"), t("job.cancel")))) return;
    act(post(`/v1/videos/${id}/cancel`), "job.cancelled");
  }, "bad");
  const save = button("job.save", () => film.save());
  const again = button("job.again", () => go("#/new", latest && {from: latest}));
  const final = button("job.final", () => act(post(`/v1/videos/${id}/final`), "job.final_made", v => go("#/job/" + v.id)));
  const remove = button("job.delete", async () => {
    if (!(await ask(t("job.ask_delete"), t("job.delete")))) return;
    act(request("DELETE", `/v1/videos/${id}`), "job.deleted", () => go("#/jobs"));
  });
  let latest = null, told = "";

  function act(promise, says, then) {
    promise.then(answer => {
      notice(t(says));
      if (then) then(answer);
    }, e => notice(e.message, "bad"));
  }

  /// Anew at every change of state, and now and then while it waits: why it does changes.
  let reading = false;
  async function readStory() {
    if (reading) return;
    reading = true;
    try {
      const story = await get(`/v1/videos/${id}/timeline`);
      past.update(story);
      if (latest) about.update(latest, story.tenant);
    } catch {
      // the connection's state says what is wrong
    }
    reading = false;
  }
  const timer = setInterval(() => latest && isActive(latest) && account().operator && readStory(), 3000);

  function update(video) {
    latest = video;
    const active = isActive(video);
    put(prompt, visible(video.prompt));
    state.update(standing(video));
    film.update(video);
    about.update(video, account().operator ? undefined : "");
    show(cancel, active);
    show(remove, !active);
    show(again, true);
    show(final, video.status === "completed" && video.reel.quality === "preview");
    show(save, video.status === "completed");
    const now = `${video.reel.state} ${video.reel.attempt} ${video.reel.class} ${video.status}`;
    if (now !== told) readStory();
    told = now;
  }

  const feed = stream(`/v1/videos/${encodeURIComponent(id)}/events`, (kind, video) => update(video),
                      (state, error) => {
                        connection.of("job")(latest && !isActive(latest) ? "live" : state, error);
                        if (state !== "refused") return;
                        put(trouble, error.message);
                        show(trouble, true);
                      }, {ends: () => latest && !isActive(latest)});
  const node = h("div", {class: "job view"}, trouble,
                 h("div", {class: "head"}, prompt, state.node),
                 h("div", {class: "columns"}, h("div", null, film.node, h("div", {class: "actions"}, cancel, save, final,
                                                                         again, remove), past.node),
                   h("section", {class: "panel"}, h("header", null, h("h2", null, t("job.facts"))), about.node)));
  return {node, title: t("nav.job"), end() {
    clearInterval(timer);
    feed.stop();
    film.end();
    connection.of("job")("live");
  }};
}
