r"""Displays that HeVeA sets as nested tables: fractions are rows with a rule between, big brackets columns of pieces.

Source: the HTML that HeVeA 2 writes for displayed formulas, `<table class="display dcenter">`.
"""

from typing import Any

from mathmill.corpus.extraction.latex import grouped, joined
from mathmill.corpus.extraction.marks import without_marks
from mathmill.corpus.extraction.state import Page
from mathmill.corpus.extraction.symbols import symbol

DEEPEST = 12
"""Tables inside tables; what is deeper is read as text."""
COLUMNS = {"⎛⎜⎝": "(", "⎞⎟⎠": ")", "⎡⎢⎣": "[", "⎤⎥⎦": "]", "⎧⎨⎩⎪": r"\{", "⎫⎬⎭⎪": r"\}", "⌠⎮⌡": r"\int ", "⎪│": "|"}
"""What a column of pieces stands for."""
PIECES = "".join(COLUMNS)
SPECIAL = "%#&$"
RULE = "hrule"
MATRIX = r"\begin{matrix}"
ENVIRONMENTS = {("(", ")"): "pmatrix", ("[", "]"): "bmatrix", ("|", "|"): "vmatrix"}


def display(page: Page, element: Any) -> None:
    """Replace a display by its formula."""
    if element.tag == "table" and element.query_selector("td.dcell") is not None:
        latex = _table(element, DEEPEST)
        page.read += len(latex)
        element.outer_text = f" {page.formulas.mark('hevea', latex, display=True)} "
    else:
        page.keep(element)


def _table(table: Any, depth: int) -> str:
    rows = [_children(row, "td") for row in _children(table, "tr")]
    if "display" not in (table.class_name or "").split():
        lines = [line for row in rows if any(line := [_cell(cell, depth) for cell in row])]
        if len(lines) == 1 and not any(lines[0][1:]):
            return lines[0][0]
        return _matrix("matrix", r" \\ ".join(" & ".join(line).rstrip("& ") for line in lines))
    if any(len(row) != 1 for row in rows) or len(rows) < 2:
        return _row([_cell(cell, depth) for row in rows for cell in row])
    column = [_cell(row[0], depth) for row in rows]
    names = [row[0].class_name or "" for row in rows]
    if RULE in names:
        place = names.index(RULE)
        return rf"\frac{{{joined(column[:place])}}}{{{joined(column[place + 1 :])}}}"
    above, middle, below = column[0], joined(column[1:-1]), column[-1]
    return middle + (f"_{grouped(below)}" if below else "") + (f"^{grouped(above)}" if above else "")


def _matrix(environment: str, body: str) -> str:
    return rf"\begin{{{environment}}} {body} \end{{{environment}}}"


def _row(cells: list[str]) -> str:
    """Cells beside each other: a root takes the next one, brackets around a matrix become its own."""
    parts: list[str] = []
    for cell in filter(None, cells):
        if parts and parts[-1] == r"\surd":
            parts[-1] = rf"\sqrt{{{cell}}}"
        elif len(parts) > 1 and parts[-1].startswith(MATRIX) and (parts[-2], cell) in ENVIRONMENTS:
            body = parts.pop().removeprefix(MATRIX).removesuffix(MATRIX.replace("begin", "end"))
            parts[-1] = _matrix(ENVIRONMENTS[parts[-1], cell], body.strip())
        else:
            parts.append(cell)
    return joined(parts)


def _children(table: Any, tag: str) -> list[Any]:
    """The rows of a table, or the cells of a row, without those of tables inside."""
    found: list[Any] = []
    for child in table.children.values():
        found += [child] if child.tag == tag else _children(child, tag) if child.tag == "tbody" else []
    return found


def _cell(cell: Any, depth: int) -> str:
    if cell.first_element_child is None or not depth:
        return _text(cell.text or "")
    whole = joined([_node(node, depth) for node in cell.child_nodes.values()]).strip()
    return next((sign for pieces, sign in COLUMNS.items() if whole and set(whole) <= {*pieces, " "}), whole)


def _node(node: Any, depth: int) -> str:
    if node.tag == "table":
        return _table(node, depth - 1)
    text = _text(node.text or "")
    # A script whose base is in the cell before has not become LaTeX.
    return f"{'^' if node.tag == 'sup' else '_'}{grouped(text)}" if node.tag in {"sup", "sub"} and text else text


def _text(text: str) -> str:
    """Text in LaTeX: superscripts are that already, other characters than ASCII get their commands."""
    words = without_marks(text).split()
    return " ".join(
        joined([symbol(c) if c in SPECIAL or not (c.isascii() or c in PIECES) else c for c in word]) for word in words
    )
