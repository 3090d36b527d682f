"""MathML gives the LaTeX that a mathematician would type for it."""
# ruff: noqa: RUF001 -- characters of formulas and of Chinese

import pytest

from mathmill.corpus.extraction.mathml import to_latex
from mathmill.corpus.extraction.mathml_tree import annotated


def table(*rows: str) -> str:
    """Rows of cells that a slash separates."""
    cells = ["".join(f"<mtd><mi>{cell}</mi></mtd>" for cell in row.split("/")) for row in rows]
    return "<mtable>" + "".join(f"<mtr>{row}</mtr>" for row in cells) + "</mtable>"


@pytest.mark.parametrize(
    ("elements", "latex"),
    [
        ("<mi>x</mi><mo>∈</mo><mi>ℝ</mi>", r"x\in\mathbb{R}"),
        ("<mi>α</mi><mi>x</mi>", r"\alpha x"),
        ("<mi>sin</mi><mo>&#x2061;</mo><mi>x</mi>", r"\sin x"),
        ("<mi>argmax</mi><mo>&#x2061;</mo><mi>f</mi>", r"\operatorname{argmax}f"),
        ("<mi>rank</mi><mi>A</mi>", r"\mathrm{rank}A"),
        (
            "<mi mathvariant='bold'>v</mi><mi>𝐰</mi><mi mathvariant='double-struck'>Q</mi>",
            r"\mathbf{v}\mathbf{w}\mathbb{Q}",
        ),
        ("<mi mathvariant='normal'>d</mi><mi>t</mi>", r"\mathrm{d}t"),
        ("<mn>3.14</mn><mo>×</mo><mn>2</mn>", r"3.14\times 2"),
        ("<mo>{</mo><mi>x</mi><mo>|</mo><mi>x</mi><mo>&lt;</mo><mn>1</mn><mo>}</mo>", r"\{x|x<1\}"),
        ("<mtext>if </mtext><mi>n</mi><mtext> is 5% &amp; odd</mtext>", r"\text{if }n\text{ is 5\% \& odd}"),
        ("<ms>ab</ms>", r'\text{"ab"}'),
        ("<mi>a</mi><mspace width='1em'/><mi>b</mi><mspace linebreak='newline'/><mi>c</mi>", r"a\quad b\\ c"),
        ("<mfrac><mrow><mi>a</mi><mo>+</mo><mn>1</mn></mrow><mi>b</mi></mfrac>", r"\frac{a+1}{b}"),
        ("<mfrac linethickness='0'><mi>n</mi><mi>k</mi></mfrac>", r"\binom{n}{k}"),
        ("<mo>(</mo><mfrac linethickness='0pt'><mi>n</mi><mi>k</mi></mfrac><mo>)</mo>", r"\binom{n}{k}"),
        ("<mfrac linethickness='0.5px'><mi>n</mi><mi>k</mi></mfrac>", r"\frac{n}{k}"),
        ("<mfrac bevelled='true'><mi>a</mi><mi>b</mi></mfrac>", "a/b"),
        ("<msqrt><mi>x</mi><mo>+</mo><mn>1</mn></msqrt>", r"\sqrt{x+1}"),
        ("<mroot><mi>x</mi><mn>3</mn></mroot>", r"\sqrt[3]{x}"),
        ("<msup><mi>x</mi><mn>2</mn></msup><mi>y</mi>", "x^2 y"),
        ("<msub><mi>a</mi><mrow><mi>i</mi><mi>j</mi></mrow></msub>", "a_{ij}"),
        ("<msubsup><mi>x</mi><mi>i</mi><mn>10</mn></msubsup>", "x_i^{10}"),
        ("<msup><msub><mi>x</mi><mn>1</mn></msub><mn>2</mn></msup>", "{x_1}^2"),
        ("<msup><mrow><mi>a</mi><mi>b</mi></mrow><mn>2</mn></msup>", "{ab}^2"),
        ("<msup><mrow><mo>(</mo><mi>a</mi><mo>)</mo></mrow><mn>2</mn></msup>", "(a)^2"),
        ("<msup><mi>f</mi><mo>″</mo></msup>", "f''"),
        ("<msup><mn>90</mn><mo>°</mo></msup>", r"90^\circ"),
        (
            "<munderover><mo>∑</mo><mrow><mi>k</mi><mo>=</mo><mn>0</mn></mrow><mi>n</mi></munderover><mi>k</mi>",
            r"\sum_{k=0}^n k",
        ),
        ("<munder><mi>lim</mi><mrow><mi>x</mi><mo>→</mo><mn>0</mn></mrow></munder>", r"\lim_{x\to 0}"),
        ("<msubsup><mo>∫</mo><mn>0</mn><mi>∞</mi></msubsup><mi>f</mi>", r"\int_0^\infty f"),
        ("<mover><mi>x</mi><mo>¯</mo></mover><mover><mi>y</mi><mo>^</mo></mover>", r"\bar{x}\hat{y}"),
        ("<mover><mrow><mi>A</mi><mi>B</mi></mrow><mo>→</mo></mover>", r"\overrightarrow{AB}"),
        (
            "<mover><mover><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mo>⏞</mo></mover><mi>n</mi></mover>",
            r"\overbrace{a+b}^n",
        ),
        ("<munder><mi>x</mi><mo>_</mo></munder>", r"\underline{x}"),
        ("<mover><mo>→</mo><mi>f</mi></mover>", r"\xrightarrow{f}"),
        ("<mover><mo>=</mo><mi>def</mi></mover>", r"\overset{\mathrm{def}}{=}"),
        (f"<mo>(</mo>{table('a/b', 'c/d')}<mo>)</mo>", r"\begin{pmatrix} a & b \\ c & d \end{pmatrix}"),
        (f"<mo>[</mo>{table('a/b')}<mo>]</mo>", r"\begin{bmatrix} a & b \end{bmatrix}"),
        (f"<mo>|</mo>{table('a', 'b')}<mo>|</mo>", r"\begin{vmatrix} a \\ b \end{vmatrix}"),
        (f"<mi>f</mi><mo>=</mo><mo>{{</mo>{table('a/p', 'b/q')}", r"f=\begin{cases} a & p \\ b & q \end{cases}"),
        (f"<mfenced open='[' close=']'>{table('a')}</mfenced>", r"\begin{bmatrix} a \end{bmatrix}"),
        (f"<mfenced open='{{' close=''>{table('a/p')}</mfenced>", r"\begin{cases} a & p \end{cases}"),
        (table("a/b").replace("<mtable>", "<mtable columnalign='right left'>"), r"\begin{aligned} a & b \end{aligned}"),
        (table("a/b"), r"\begin{matrix} a & b \end{matrix}"),
        ("<mfenced><mi>x</mi><mi>y</mi></mfenced>", "(x,y)"),
        ("<mfenced open='⟨' close='⟩' separators='|'><mi>x</mi><mi>y</mi></mfenced>", r"\langle x|y\rangle"),
        ("<mo>(</mo><mfrac><mi>a</mi><mi>b</mi></mfrac><mo>)</mo>", r"\left(\frac{a}{b}\right)"),
        ("<menclose notation='box'><mi>x</mi></menclose>", r"\boxed{x}"),
        ("<mphantom><mi>x</mi></mphantom><mstyle><mpadded><mi>y</mi></mpadded></mstyle>", r"\phantom{x}y"),
        (
            "<mmultiscripts><mi>X</mi><mi>a</mi><mi>b</mi><mprescripts/><mi>c</mi><none/></mmultiscripts>",
            "{}_c X_a^b",
        ),
        ("<semantics><mi>x</mi><annotation encoding='StarMath'>y</annotation></semantics>", "x"),
        ("<mml:msup><mml:mi>x</mml:mi><mml:mn>2</mml:mn></mml:msup>", "x^2"),
        ("<mi>x</mi><!-- y --><mi>z</mi>", "xz"),
        ("<mi>x<mi>", "x"),
        ("<unknown><mi>x</mi></unknown>", "x"),
    ],
)
def test_elements(elements: str, latex: str) -> None:
    assert to_latex(f"<math>{elements}</math>") == latex


def test_deep_elements_keep_their_text() -> None:
    assert to_latex("<math>" + "<mrow>" * 1_000 + "<mi>x</mi>" + "</mrow>" * 1_000 + "</math>") == "x"


def test_annotation_is_the_one_in_tex() -> None:
    star = "<annotation encoding='StarMath 5.0'>a over b</annotation>"
    tex = "<annotation encoding='application/x-tex'>a &lt; b</annotation>"
    assert annotated(f"<math><semantics><mi>a</mi>{star}{tex}</semantics></math>") == "a < b"
    assert annotated("<math><mi>a</mi></math>") is None
    assert annotated("<math><annotation encoding='application/x-tex'> </annotation></math>") is None
