// video.js: What all views show of a video: its state, its progress, its picture, its row in a list.
import {h, put, mark, show, visible, duration, shortId, count} from "./dom.js";
import {thumbnail} from "./api.js";
import {t} from "./words.js";

/// waiting, running, done, failed, cancelled: what colours and words go by.
export function standing(video) {
  if (video.status === "completed") return "done";
  if (video.status === "failed") return video.error && video.error.code === "cancelled" ? "cancelled" : "failed";
  if (video.reel.state === "retry_wait") return "retry";
  return video.status === "in_progress" ? "running" : "waiting";
}

export function isActive(video) {
  return video.status === "queued" || video.status === "in_progress";
}

export function pill() {
  const node = h("span", {class: "pill"});
  return {
    node,
    update(kind) {
      mark(node, "pill " + kind);
      put(node, t("state." + kind));
    },
  };
}

/// One cell for each step as long as they can be told apart, else a bar.
export function steps() {
  const node = h("div", {class: "steps", role: "progressbar", "aria-valuemin": 0});
  let shown = -1;
  return {
    node,
    update(step, total, isRunning) {
      const cells = total > 0 && total <= 60 ? total : 1;
      if (cells !== shown) {
        node.replaceChildren(...Array.from({length: cells}, () => h("i")));
        shown = cells;
      }
      node.setAttribute("aria-valuemax", total);
      node.setAttribute("aria-valuenow", step);
      for (let i = 0; i < cells; ++i) {
        const cell = node.children[i];
        if (cells === 1) {
          const part = total > 0 ? step / total : 0;
          cell.style.setProperty("--part", part);
          mark(cell, "part");
        } else mark(cell, i < step ? "on" : i === step && isRunning ? "now" : "");
      }
    },
  };
}

export function picture(className) {
  const image = h("img", {alt: "", hidden: true, decoding: "async"});
  const node = h("div", {class: "picture " + (className || "")}, image);
  let of = "";
  return {
    node,
    update(video) {
      mark(node, `picture ${className || ""} ${standing(video)}`);
      if (video.status !== "completed" || of === video.id) return;
      of = video.id;
      thumbnail(video.id).then(url => {
        if (of !== video.id || !url) return;
        image.src = url;
        show(image, true);
      });
    },
  };
}

export function progressText(video) {
  const r = video.reel;
  switch (standing(video)) {
  case "running": {
    const at = t("job.step", {step: r.step, total: r.steps_total});
    return r.eta_seconds ? `${at} \u00b7 ${t("job.left", {time: duration(r.eta_seconds)})}` : at;
  }
  case "waiting":
    if (!r.queue_position) return "";
    return t("job.place", {place: count(r.queue_position)}) +
           (r.eta_seconds ? ` \u00b7 ${t("job.eta", {time: duration(r.eta_seconds)})}` : "");
  case "done": return t("job.took", {time: duration(video.completed_at - video.created_at)});
  case "failed": return video.error ? visible(video.error.code) : "";
  default: return "";
  }
}

/// A row of a list: {tenant, video}.
export function row(item) {
  const image = picture(), state = pill(), bar = steps();
  const prompt = h("span", {class: "prompt"}), facts = h("span", {class: "facts"}), now = h("span", {class: "now"});
  const age = h("span", {class: "age"}), id = h("span", {class: "id"});
  const node = h("a", {class: "row", href: "#/job/" + item.video.id}, image.node,
                 h("span", {class: "what"}, prompt, facts), h("span", {class: "how"}, state.node, now, bar.node),
                 h("span", {class: "when"}, age, id));
  return {
    node,
    update({tenant, video}) {
      const kind = standing(video);
      image.update(video);
      state.update(kind);
      put(prompt, visible(video.prompt));
      const words = [video.model, video.size, t("class." + video.reel.class)];
      if (tenant) words.unshift(tenant);
      if (video.reel.attempt > 1) words.push(t("job.attempt", {n: video.reel.attempt}));
      if (video.reel.degraded) words.push(t("job.degraded"));
      put(facts, words.join(" \u00b7 "));
      put(now, progressText(video));
      show(bar.node, kind === "running");
      if (kind === "running") bar.update(video.reel.step, video.reel.steps_total, true);
      put(age, t("ago", {time: duration(Date.now() / 1000 - video.created_at)}));
      put(id, shortId(video.id));
    },
  };
}
