// jobs.js: The caller's videos: the newest ones live, older ones page by page.
import {h, show, Keyed} from "./dom.js";
import {get} from "./api.js";
import {newest} from "./line.js";
import {row, standing} from "./video.js";
import {t} from "./words.js";
import {notice} from "./app.js";

const KINDS = ["all", "active", "done", "failed"];

function fits(kind, video) {
  const s = standing(video);
  if (kind === "active") return s === "waiting" || s === "running" || s === "retry";
  if (kind === "failed") return s === "failed" || s === "cancelled";
  return kind === "all" || s === kind;
}

export function jobsView() {
  const rows = h("div", {class: "rows"}), none = h("p", {class: "empty"}, t("jobs.none"));
  const list = new Keyed(rows, row), search = h("input", {type: "search", placeholder: t("jobs.search"),
                                                          "aria-label": t("jobs.search")});
  const more = h("button", {type: "button", class: "quiet", hidden: true}, t("jobs.more"));
  let live = [], older = [], kind = "all", hasMore = false;
  const tabs = h("div", {class: "tabs", role: "group", "aria-label": t("jobs.filter")}, KINDS.map(k =>
    h("button", {type: "button", "aria-pressed": k === kind, onclick: e => {
      kind = k;
      for (const b of tabs.children) b.setAttribute("aria-pressed", b === e.currentTarget);
      update();
    }}, t("jobs." + k))));

  function update() {
    const words = search.value.trim().toLowerCase(), seen = new Set(live.map(one => one.video.id));
    const all = [...live, ...older.filter(one => !seen.has(one.video.id))];
    const shown = all.filter(({video}) => fits(kind, video) && (!words || video.prompt.toLowerCase().includes(words) ||
                                                               video.id.includes(words)));
    list.update(shown, one => one.video.id);
    show(none, shown.length === 0);
    show(more, hasMore);
  }

  more.addEventListener("click", async () => {
    const all = [...live, ...older], last = all[all.length - 1];
    more.disabled = true;
    try {
      const page = await get(`/v1/videos?limit=50&after=${last.video.id}`);
      older.push(...page.data.map(video => ({video})));
      hasMore = page.has_more;
      update();
    } catch (e) {
      notice(e.message, "bad");
    }
    more.disabled = false;
  });
  search.addEventListener("input", update);

  const feed = newest({update() {}}, (now, page) => {
    if (older.length === 0) hasMore = now.length >= 20;
    live = now;
    update();
  });
  const node = h("div", {class: "jobs view"}, h("div", {class: "head"}, h("h1", null, t("nav.jobs")), tabs, search),
                 h("section", {class: "panel"}, rows, none), more);
  return {node, title: t("nav.jobs"), end: () => feed.stop()};
}
