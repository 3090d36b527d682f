// The annotation page: the table of domains and prefixes, its keys, and what they change.
import { answerer } from "./answer.js";
import { saver } from "./draft.js";
import { table } from "./table.js";

const page = document.getElementById("annotate");
const facts = JSON.parse(page.dataset.facts);
const element = (id) => document.getElementById(id);
const base = new URL(".", location.href);

const domains = await (await fetch(new URL("candidates", base))).json();
for (const domain of domains) {
  domain.kind = "domain";
  for (const prefix of domain.prefixes) Object.assign(prefix, { kind: "prefix", domain });
}

const view = { filter: "", show: "all", sort: "pages", descending: true, open: new Set(), selected: new Set(), focus: 0 };
const done = []; // for undo: lists of [prefix, mark before]
let rows = [];

const draft = saver(new URL("draft", base), element("saved"));
const list = table(element("rows"), element("space"), (index) => ({ row: rows[index], ...flags(index) }));
const answer = answerer({ facts, base, root: page.dataset.root, element, draft, marks });

function marking() { return facts.waits && facts.mayDecide; }

function flags(index) {
  const row = rows[index];
  return { focus: index === view.focus, selected: view.selected.has(row), open: view.open.has(row) };
}

function fits(prefix) {
  const mark = prefix.mark?.math;
  switch (view.show) {
    case "open": return mark === undefined && !prefix.earlier;
    case "math": return mark === true;
    case "other": return mark === false;
    case "earlier": return Boolean(prefix.earlier);
    default: return true;
  }
}

function weight(row) {
  switch (view.sort) {
    case "name": return row.name;
    case "pages": return row.pages;
    case "rate": return row.collected / row.pages;
    case "score": return row.score ?? Math.max(...row.prefixes.map((prefix) => prefix.score ?? 0));
    default: return (row.prefixes ?? [row]).filter((prefix) => prefix.mark).length;
  }
}

function inOrder(some) {
  const sign = view.descending ? -1 : 1;
  const weighed = some.map((row) => [weight(row), row]);
  weighed.sort(([a, x], [b, y]) => (a < b ? -sign : a > b ? sign : x.name < y.name ? -1 : 1));
  return weighed.map(([, row]) => row);
}

// Which rows are shown, in which order; the focused row stays in focus.
function arrange() {
  const focused = rows[view.focus];
  const shown = [];
  for (const domain of inOrder(domains)) {
    const named = domain.name.includes(view.filter);
    const prefixes = domain.prefixes.filter((prefix) => (named || prefix.name.includes(view.filter)) && fits(prefix));
    if (!prefixes.length) continue;
    shown.push(domain);
    if (view.open.has(domain)) shown.push(...inOrder(prefixes));
  }
  rows = shown;
  view.focus = Math.max(rows.indexOf(focused), 0);
  list.resize(rows.length);
  list.reveal(view.focus);
  refresh();
}

function refresh() {
  list.paint();
  const marked = marks();
  element("count").textContent = `${rows.length} rows, ${view.selected.size} selected; ${marked.math} prefixes math, ` +
    `${marked.other} not, ${marked.open} undecided`;
  element("send").disabled = !answer.ready() || !(marked.math + marked.other);
  element("undo").disabled = !done.length;
  for (const id of ["math", "other"]) element(id).disabled = !marking() || !rows.length;
}

function marks() {
  const count = { math: 0, other: 0, open: 0, earlier: 0 };
  for (const domain of domains) {
    for (const prefix of domain.prefixes) {
      count[prefix.mark ? (prefix.mark.math ? "math" : "other") : prefix.earlier ? "earlier" : "open"] += 1;
    }
  }
  return count;
}

function targets() {
  const chosen = view.selected.size ? [...view.selected] : rows.length ? [rows[view.focus]] : [];
  const prefixes = chosen.flatMap((row) => row.prefixes?.filter((prefix) => !prefix.earlier) ?? [row]);
  return [...new Set(prefixes)];
}

function mark(isMath) {
  const prefixes = targets();
  if (!marking() || !prefixes.length) return;
  const value = prefixes.every((prefix) => prefix.mark?.math === isMath) ? null : { math: isMath };
  done.push(prefixes.map((prefix) => [prefix, prefix.mark]));
  change(prefixes.map((prefix) => [prefix, value]));
  view.selected.clear();
  refresh();
}

function undo() {
  if (done.length) change(done.pop());
  refresh();
}

function change(pairs) {
  for (const [prefix, value] of pairs) {
    prefix.mark = value;
    draft.put(prefix.name, value?.math ?? null);
  }
}

function move(step) {
  if (!rows.length) return;
  view.focus = Math.min(Math.max(view.focus + step, 0), rows.length - 1);
  list.reveal(view.focus);
  list.paint();
  read();
}

function toggle(set, row) {
  if (!set.delete(row)) set.add(row);
}

let reading = 0;
function read() {
  clearTimeout(reading);
  reading = setTimeout(async () => {
    const row = rows[view.focus];
    if (!row) return;
    const name = row.kind === "domain" ? row.prefixes[0].name : row.name;
    const address = new URL("pages", base);
    address.searchParams.set("prefix", name);
    const text = await (await fetch(address)).text();
    // Of what was asked for last; the server has escaped all that pages hold.
    if (rows[view.focus] === row) element("reader").innerHTML = text;
  }, 120);
}

const keys = {
  j: () => move(1), ArrowDown: () => move(1), k: () => move(-1), ArrowUp: () => move(-1),
  PageDown: () => move(20), PageUp: () => move(-20),
  Enter: () => open(rows[view.focus]),
  x: () => { if (rows.length) toggle(view.selected, rows[view.focus]); refresh(); },
  a: () => { if (view.selected.size) view.selected.clear(); else rows.forEach((row) => view.selected.add(row)); refresh(); },
  m: () => mark(true), n: () => mark(false), u: undo,
  "/": () => element("filter").focus(), "?": () => element("keys").showModal(),
};

function open(row) {
  if (!row) return;
  toggle(view.open, row.domain ?? row);
  view.focus = rows.indexOf(row.domain ?? row);
  arrange();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.matches("input, select")) {
    if (event.key === "Escape" || event.key === "Enter") element("rows").focus();
    return;
  }
  if (event.key === "Enter" && event.target.matches("button, a")) return;
  const action = keys[event.key];
  if (action) { event.preventDefault(); action(); }
});
element("rows").addEventListener("click", (event) => {
  const index = list.at(event);
  if (index >= rows.length) return;
  view.focus = index;
  if (event.target.matches(":first-child")) toggle(view.selected, rows[index]);
  refresh();
  read();
});
element("rows").addEventListener("dblclick", (event) => open(rows[list.at(event)]));
element("filter").addEventListener("input", (event) => { view.filter = event.target.value.trim().toLowerCase(); arrange(); });
element("show").addEventListener("change", (event) => { view.show = event.target.value; arrange(); });
element("math").addEventListener("click", () => mark(true));
element("other").addEventListener("click", () => mark(false));
element("undo").addEventListener("click", undo);
element("help").addEventListener("click", () => element("keys").showModal());
for (const head of document.querySelectorAll("[data-sort]")) {
  head.addEventListener("click", () => {
    view.descending = view.sort === head.dataset.sort ? !view.descending : head.dataset.sort !== "name";
    view.sort = head.dataset.sort;
    arrange();
  });
}

arrange();
performance.mark("rows");
element("rows").focus();
read();
await answer.watch(refresh);
