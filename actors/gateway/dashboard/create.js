// create.js: The playground: a prompt becomes a video before one's eyes.
import {h, put, show, Keyed} from "./dom.js";
import {get, post, stream} from "./api.js";
import {row, isActive} from "./video.js";
import {stage} from "./job.js";
import {t} from "./words.js";
import {notice, connection, account} from "./app.js";

const made = []; // of this page, newest first: {video}, at most 12

function field(name, input, note) {
  return h("label", {class: "field"}, h("span", null, t(name)), input, note);
}

export function createView({from} = {}) {
  const prompt = h("textarea", {name: "prompt", rows: 4, required: true, maxLength: 8192, autofocus: true,
                                placeholder: t("create.placeholder")});
  const model = h("select", {name: "model"}), size = h("input", {name: "size", pattern: "[0-9]+x[0-9]+", size: 9});
  const sizes = h("datalist", {id: "sizes"}), frames = h("input", {name: "num_frames", type: "number", step: 4, min: 1});
  const count = h("input", {name: "num_inference_steps", type: "number", min: 1});
  const seed = h("input", {name: "seed", type: "number", min: 0, placeholder: t("create.random")});
  const cls = h("select", {name: "class"}), negative = h("input", {name: "negative_prompt", maxLength: 8192});
  const preview = h("input", {name: "quality", type: "checkbox"}), length = h("small");
  const submit = h("button", {type: "submit", class: "main", disabled: true}, t("create.submit"));
  const trouble = h("p", {class: "trouble", hidden: true, role: "alert"});
  size.setAttribute("list", "sizes");
  let models = [];

  const form = h("form", {class: "panel create", onsubmit: e => {
    e.preventDefault();
    if (!submit.disabled) send(); // the models are known, and none is on its way
  }}, field("create.prompt", prompt), trouble,
    h("div", {class: "fields"}, field("create.model", model), field("create.size", size), sizes,
      field("create.frames", frames, length), field("create.steps", count), field("create.seed", seed),
      field("create.class", cls)),
    field("create.negative", negative),
    h("div", {class: "actions"}, submit, h("label", {class: "check"}, preview, t("create.preview")),
      h("kbd", null, "Ctrl"), h("kbd", null, "\u21b5")));

  form.addEventListener("keydown", e => {
    if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) form.requestSubmit();
  });

  function chosen() {
    return models.find(m => m.id === model.value) || models[0];
  }
  function useModel() {
    const about = chosen() && chosen().reel;
    if (!about) return;
    size.placeholder = about.size;
    sizes.replaceChildren(...about.sizes.map(s => h("option", {value: s})));
    frames.placeholder = about.num_frames;
    frames.max = about.num_frames_max;
    count.placeholder = about.steps;
    count.max = about.steps_max;
    say();
  }
  function say() {
    const about = chosen() && chosen().reel;
    if (about) put(length, `${((Number(frames.value || about.num_frames) - 1) / about.fps).toFixed(1)} s`);
  }
  model.addEventListener("change", useModel);
  frames.addEventListener("input", say);

  const allowed = account().classes;
  cls.append(...allowed.map(c => h("option", {value: c, selected: c === account().default_class}, t("class." + c))));
  get("/v1/models").then(answer => {
    models = answer.data;
    model.append(...models.map(m => h("option", {value: m.id}, m.id)));
    if (from) model.value = from.model;
    useModel();
    submit.disabled = false;
  }, e => notice(e.message, "bad"));
  if (from) {
    prompt.value = from.prompt;
    size.value = from.size;
    frames.value = from.reel.num_frames;
  }

  // ---- the one that was made last

  const film = h("div", {class: "latest"}), rows = h("div", {class: "rows"}), list = new Keyed(rows, row);
  const none = h("p", {class: "empty"}, t("create.none"));
  let shown = null, feed = null;

  function follow(video) {
    if (feed) feed.stop();
    if (shown) shown.end();
    shown = stage();
    film.replaceChildren(shown.node);
    let latest = video;
    shown.update(video);
    feed = stream(`/v1/videos/${video.id}/events`, (kind, v) => {
      latest = v;
      shown.update(v);
      remember(v);
    }, state => connection.of("job")(isActive(latest) ? state : "live"), {ends: () => !isActive(latest)});
  }
  function remember(video) {
    const at = made.findIndex(one => one.video.id === video.id);
    if (at < 0) made.unshift({video});
    else made[at] = {video};
    made.length = Math.min(made.length, 12);
    list.update(made, one => one.video.id);
    show(none, made.length === 0);
  }

  /// What is sent once more because an answer was lost carries the same key: there is never a second video.
  let pending = {text: "", key: ""};
  async function send() {
    const body = {prompt: prompt.value, model: model.value, class: cls.value};
    for (const one of [size, negative]) if (one.value) body[one.name] = one.value.trim();
    for (const one of [frames, count, seed]) if (one.value) body[one.name] = Number(one.value);
    if (preview.checked) body.quality = "preview";
    const text = JSON.stringify(body);
    if (pending.text !== text) pending = {text, key: "page-" + randomKey()};
    submit.disabled = true;
    show(trouble, false);
    try {
      const video = await post("/v1/videos", body, {"Idempotency-Key": pending.key});
      pending = {text: "", key: ""};
      remember(video);
      follow(video);
    } catch (e) {
      put(trouble, e.message);
      show(trouble, true);
      const wrong = e.param && form.elements[e.param];
      if (wrong && wrong.focus) wrong.focus();
      if (e.status) pending = {text: "", key: ""}; // refused: nothing was made
    }
    submit.disabled = false;
  }

  list.update(made, one => one.video.id);
  show(none, made.length === 0);
  if (made.length) follow(made[0].video);
  const node = h("div", {class: "create view"}, h("h1", null, t("nav.new")),
                 h("div", {class: "columns"}, form, h("div", null, film, h("section", {class: "panel"},
                   h("header", null, h("h2", null, t("create.made"))), rows, none))));
  return {node, title: t("nav.new"), end() {
    if (feed) feed.stop();
    if (shown) shown.end();
    connection.of("job")("live");
  }};
}

export function randomKey() {
  return [...crypto.getRandomValues(new Uint8Array(12))].map(b => b.toString(16).padStart(2, "0")).join("");
}
