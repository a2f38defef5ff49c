// app.js: What is around the views: the key, the bar on top, which view is shown, the connection's state, questions and
// notices. Views: {node, title, end()}.
import {h, put, mark, show, useLocale} from "./dom.js";
import {session, get, onSignedOut, forgetPictures} from "./api.js";
import {t, language, useLanguage, languages} from "./words.js";
import {lineView} from "./line.js";
import {jobsView} from "./jobs.js";
import {jobView} from "./job.js";
import {createView} from "./create.js";
import {batchView} from "./batch.js";

const bar = document.getElementById("bar"), main = document.getElementById("main");
const notices = document.getElementById("notices");
let me = null, view = null, handedOver;

export const account = () => me;

// ---------------------------------------------------------------- notices and questions

export function notice(text, kind = "good") {
  const close = h("button", {type: "button", class: "quiet", "aria-label": t("close"), onclick: () => node.remove()}, "\u00d7");
  const node = h("div", {class: "notice " + kind}, h("span", null, text), close);
  notices.append(node);
  while (notices.children.length > 4) notices.firstChild.remove();
  setTimeout(() => node.remove(), kind === "bad" ? 12000 : 5000);
}

/// True when the reader says yes.
export function ask(question, yes) {
  return new Promise(answer => {
    const box = h("dialog", {class: "ask"}, h("form", {method: "dialog"}, h("p", null, question),
      h("div", {class: "actions"}, h("button", {value: "no", class: "quiet"}, t("no")),
        h("button", {value: "yes", class: "main", autofocus: true}, yes))));
    box.addEventListener("close", () => {
      answer(box.returnValue === "yes");
      box.remove();
    });
    document.body.append(box);
    box.showModal();
  });
}

// ---------------------------------------------------------------- the connection

const states = new Map();
const lamp = h("span", {class: "lamp", role: "status"});
export const connection = {
  set(name, state) {
    states.set(name, state);
    const lost = [...states.values()].includes("lost");
    mark(lamp, "lamp " + (lost ? "lost" : "live"));
    put(lamp, t(lost ? "connection.lost" : "connection.live"));
    document.body.classList.toggle("stale", lost);
  },
  of: name => state => connection.set(name, state),
  clear() {
    states.clear();
    connection.set("page", "live");
  },
};

// ---------------------------------------------------------------- which view

const VIEWS = [
  {at: /^#\/line$/, make: () => lineView(), operator: true, name: "line"},
  {at: /^#\/jobs$/, make: () => jobsView(), name: "jobs"},
  {at: /^#\/new$/, make: () => createView(handedOver), name: "new"},
  {at: /^#\/batch$/, make: () => batchView(), name: "batch"},
  {at: /^#\/job\/(video_[0-9a-f]{32})$/, make: id => jobView(id), name: "jobs"},
];

function home() {
  return me.operator ? "#/line" : "#/jobs";
}

export function go(hash, given) {
  handedOver = given || undefined;
  if (location.hash === hash) showView();
  else location.hash = hash;
}

function showView() {
  if (view) view.end();
  view = null;
  if (!me) return;
  connection.clear();
  for (const one of VIEWS) {
    const found = one.at.exec(location.hash);
    if (!found || (one.operator && !me.operator)) continue;
    view = one.make(...found.slice(1));
    handedOver = undefined;
    main.replaceChildren(view.node);
    document.title = `${view.title} \u00b7 reelworks`;
    for (const link of bar.querySelectorAll("nav a"))
      link.getAttribute("href") === "#/" + one.name ? link.setAttribute("aria-current", "page")
                                                    : link.removeAttribute("aria-current");
    const first = main.querySelector("[autofocus]");
    (first || main).focus({preventScroll: true});
    scrollTo(0, 0);
    return;
  }
  location.replace(home());
}

// ---------------------------------------------------------------- the bar

function remember(name, value) {
  try {
    value ? localStorage.setItem("reelworks." + name, value) : localStorage.removeItem("reelworks." + name);
  } catch {
    // then it holds until the page is closed
  }
}
function remembered(name) {
  try {
    return localStorage.getItem("reelworks." + name) || "";
  } catch {
    return "";
  }
}

const THEMES = ["", "light", "dark"];
let theme = THEMES.includes(remembered("theme")) ? remembered("theme") : "";
function useTheme() {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}

function drawBar() {
  const link = (name, hash) => h("a", {href: hash}, t(name));
  const views = me ? h("nav", {"aria-label": t("nav")}, me.operator && link("nav.line", "#/line"),
                       link("nav.jobs", "#/jobs"), link("nav.new", "#/new"), link("nav.batch", "#/batch")) : null;
  const themes = h("button", {type: "button", class: "quiet", title: t("theme"), onclick: () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    remember("theme", theme);
    useTheme();
    put(themes, t("theme." + (theme || "auto")));
  }}, t("theme." + (theme || "auto")));
  const tongue = h("button", {type: "button", class: "quiet", lang: languages.other(), onclick: () => {
    useLanguage(languages.other());
    remember("language", language());
    draw();
  }}, languages.nameOfOther());
  const out = me && h("button", {type: "button", class: "quiet", title: t("sign_out"), onclick: signOut}, t("sign_out"));
  bar.replaceChildren(h("a", {class: "skip", href: "#main", onclick: e => {
    e.preventDefault();
    main.focus();
  }}, t("skip")), h("a", {class: "brand", href: me ? home() : "#/"}, "reelworks"), ...(views ? [views] : []),
    h("div", {class: "tools"}, ...(me ? [lamp, h("span", {class: "who"}, me.id)] : []), tongue, themes,
      ...(out ? [out] : [])));
}

function draw() {
  document.documentElement.lang = language();
  useLocale(language());
  drawBar();
  if (me) showView();
  else drawLogin();
}

// ---------------------------------------------------------------- the key

function drawLogin(trouble = "") {
  const key = h("input", {type: "password", name: "key", required: true, autofocus: true, autocomplete: "off",
                          spellcheck: false, placeholder: "reel-\u2026"});
  const says = h("p", {class: "trouble", role: "alert", hidden: !trouble}, trouble);
  const submit = h("button", {type: "submit", class: "main"}, t("login.submit"));
  const form = h("form", {class: "panel login", onsubmit: async e => {
    e.preventDefault();
    submit.disabled = true;
    session.key = key.value.trim();
    await signIn();
    submit.disabled = false;
  }}, h("h1", null, "reelworks"), h("label", {class: "field"}, h("span", null, t("login.key")), key), says, submit,
    h("p", {class: "note"}, t("login.note")));
  document.title = "reelworks";
  main.replaceChildren(form);
  key.focus();
}

let refused = false;
async function signIn() {
  refused = false;
  try {
    me = await get("/v1/account");
  } catch (e) {
    if (e.status === 401) session.key = "";
    me = null;
    drawBar();
    return drawLogin(e.status === 401 ? t("login.refused") : t("login.no_answer", {why: e.message}));
  }
  drawBar();
  showView();
}

function signOut() {
  session.key = "";
  forgetPictures();
  if (view) view.end();
  view = me = null;
  draw();
}

/// A key that has been taken back while the page was open.
onSignedOut(() => {
  if (!me || refused) return;
  refused = true;
  signOut();
  drawLogin(t("login.refused"));
});

addEventListener("hashchange", showView);
// A browser may keep a page that was left, with its open connections, of which it has six for a gateway.
addEventListener("pagehide", () => {
  if (view) view.end();
  view = null;
});
addEventListener("pageshow", e => e.persisted && showView());
useLanguage(remembered("language") || (navigator.language.startsWith("zh") ? "zh" : "en"));
useTheme();
document.documentElement.lang = language();
useLocale(language());
drawBar();
session.key ? signIn() : drawLogin();
