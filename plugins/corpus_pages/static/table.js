// A list of thousands of rows of equal height, of which only those in sight are elements.
const HEIGHT = 26;
const BARS = " ▁▂▃▄▅▆▇█";

export function table(box, space, rowAt) {
  const pool = new Map(); // index to element
  let length = 0;

  function paint() {
    const first = Math.max(Math.floor(box.scrollTop / HEIGHT) - 4, 0);
    const last = Math.min(Math.ceil((box.scrollTop + box.clientHeight) / HEIGHT) + 4, length);
    for (const [index, line] of pool) {
      if (index < first || index >= last) { line.remove(); pool.delete(index); }
    }
    for (let index = first; index < last; index += 1) {
      let line = pool.get(index);
      if (!line) {
        line = emptyRow();
        line.style.top = `${index * HEIGHT}px`;
        pool.set(index, line);
        space.append(line);
      }
      fill(line, rowAt(index));
    }
  }

  box.addEventListener("scroll", paint, { passive: true });
  new ResizeObserver(paint).observe(box);
  return {
    paint,
    resize(count) { length = count; space.style.height = `${count * HEIGHT}px`; },
    reveal(index) {
      const top = index * HEIGHT;
      if (top < box.scrollTop) box.scrollTop = top;
      else if (top + HEIGHT > box.scrollTop + box.clientHeight) box.scrollTop = top + HEIGHT - box.clientHeight;
    },
    at(event) { return Math.floor((event.clientY - box.getBoundingClientRect().top + box.scrollTop) / HEIGHT); },
  };
}

function emptyRow() {
  const line = document.createElement("div");
  line.setAttribute("role", "row");
  for (let cell = 0; cell < 7; cell += 1) line.append(document.createElement("span"));
  return line;
}

function fill(line, { row, focus, selected, open }) {
  line.className = `row ${row.kind}${focus ? " focus" : ""}${selected ? " selected" : ""}`;
  line.setAttribute("aria-selected", String(selected));
  Object.assign(line.dataset, { name: row.name, kind: row.kind });
  const [decision, kind] = row.kind === "domain" ? ofDomain(row) : ofPrefix(row);
  const texts = [
    selected ? "☑" : "☐",
    row.kind === "domain" ? `${open ? "▾" : "▸"} ${row.name}` : row.name,
    row.pages.toLocaleString("en"),
    `${((100 * row.collected) / row.pages).toFixed(1)}%`,
    row.score === undefined || row.score === null ? "" : row.score.toFixed(2),
    spark(row.bins),
    decision,
  ];
  texts.forEach((text, cell) => {
    if (line.children[cell].textContent !== text) line.children[cell].textContent = text;
  });
  line.children[1].title = row.name;
  line.children[6].className = kind;
}

function ofPrefix({ mark, earlier }) {
  const found = mark ?? earlier;
  if (!found) return ["", ""];
  const text = found.math ? "math" : "not math";
  return [mark ? text : `${text} (${earlier.by})`, `${found.math ? "is-math" : "is-other"}${mark ? "" : " is-earlier"}`];
}

function ofDomain({ prefixes }) {
  const math = prefixes.filter((prefix) => (prefix.mark ?? prefix.earlier)?.math === true).length;
  const other = prefixes.filter((prefix) => (prefix.mark ?? prefix.earlier)?.math === false).length;
  if (!math && !other) return [`${prefixes.length} undecided`, "is-earlier"];
  if (math === prefixes.length) return ["math", "is-math"];
  if (other === prefixes.length) return ["not math", "is-other"];
  return [`${math} math, ${other} not`, ""];
}

function spark(bins) {
  const most = Math.max(...bins, 1);
  return bins.map((count) => BARS[count && Math.max(Math.round((8 * count) / most), 1)]).join("");
}
