// dom.js: Making and changing elements, and how figures are written. Texts go in as text nodes, never as HTML.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name in node && !(node instanceof SVGElement) && name !== "list") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  add(node, children);
  return node;
}

function add(node, children) {
  for (const child of children.flat(Infinity))
    if (child !== null && child !== undefined && child !== false) node.append(child); // a string becomes a text node
}

/// h("p", {class: "dim"}, "text", child): an element. Attributes that start with "on" are listeners.
export function h(tag, attributes, ...children) {
  const node = document.createElement(tag);
  const {class: name, ...others} = attributes || {};
  if (name) node.className = name;
  return fill(node, others, children);
}

export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/// Only what is different is touched: what does not change keeps its focus and its selection.
export function put(node, value) {
  const text = String(value);
  if (node.textContent !== text) node.textContent = text;
}

export function mark(node, name) {
  if (node.className !== name) node.className = name;
}

export function show(node, visible) {
  if (node.hidden === visible) node.hidden = !visible;
}

/// Keeps one child per key, in order: `make(key)` gives {node, update(item)}.
export class Keyed {
  constructor(parent, make) {
    this.parent = parent;
    this.make = make;
    this.parts = new Map();
  }
  update(items, keyOf) {
    const now = new Map();
    let at = this.parent.firstElementChild;
    for (const item of items) {
      const key = keyOf(item);
      const part = this.parts.get(key) || this.make(item);
      part.update(item);
      now.set(key, part);
      if (part.node === at) at = at.nextElementSibling;
      else this.parent.insertBefore(part.node, at);
    }
    for (const [key, part] of this.parts)
      if (!now.has(key)) {
        part.node.remove();
        if (part.end) part.end();
      }
    this.parts = now;
  }
  end() {
    this.update([], () => 0);
  }
}

/// Characters that would change how others are shown, or are not shown, are named instead.
export function visible(text) {
  return String(text).replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g,
    c => "\u27e8U+" + c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0") + "\u27e9");
}

// ---------------------------------------------------------------- figures

let locale = "en";
let whole = new Intl.NumberFormat(locale);
export function useLocale(tag) {
  locale = tag;
  whole = new Intl.NumberFormat(tag);
}

export function count(n) {
  return whole.format(n);
}

/// "0.4 s", "12 s", "3 m 20 s", "5 h 10 m", "2 d 4 h".
export function duration(seconds) {
  if (seconds === null || seconds === undefined || !isFinite(seconds)) return "\u2013";
  const s = Math.max(0, seconds);
  if (s < 10) return s.toFixed(1) + " s";
  if (s < 60) return Math.round(s) + " s";
  const pair = (a, b, one, two) => (b ? `${a} ${one} ${b} ${two}` : `${a} ${one}`);
  const all = Math.round(s);
  if (all < 3600) return pair(Math.floor(all / 60), all % 60, "m", "s");
  if (all < 86400) return pair(Math.floor(all / 3600), Math.floor(all / 60) % 60, "h", "m");
  return pair(Math.floor(all / 86400), Math.floor(all / 3600) % 24, "d", "h");
}

export function bytes(n) {
  if (!n) return "\u2013";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  while (n >= 1024 && at < units.length - 1) {
    n /= 1024;
    ++at;
  }
  return (n < 10 && at > 0 ? n.toFixed(1) : Math.round(n)) + " " + units[at];
}

export function clock(ms, withDate) {
  const o = {hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false};
  if (withDate) Object.assign(o, {year: "numeric", month: "short", day: "numeric"});
  return new Intl.DateTimeFormat(locale, o).format(new Date(ms));
}

/// The last digits tell jobs of one moment apart.
export function shortId(id) {
  return id.slice(-8);
}
