r"""LaTeX commands in a text, replaced by what they stand for in plain text.

A command that draws what punctuation, signs or layout draw (`\left`, `\quad`, `\cdot`, `\le`, `\frac`, `\text`,
`\begin{array}{cc}`) is replaced by nothing, one that names a letter by the letter, any other by its name (`\sin`).
"""

import re
import unicodedata

GREEK = {
    name: unicodedata.lookup(f"GREEK {size} LETTER {name.upper().replace('LAMBDA', 'LAMDA')}")
    for size, names in {
        "SMALL": "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau"
        " upsilon phi chi psi omega",
        "CAPITAL": "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega",
    }.items()
    for name in names.split()
}
PLAIN = (
    GREEK
    | {f"var{name}": GREEK[name] for name in ("epsilon", "theta", "kappa", "pi", "rho", "sigma", "phi")}
    | {"ell": "l", "imath": "i", "jmath": "j", "hbar": "ħ", "pmod": "mod", "bmod": "mod"}
)
"""Commands that stand for a letter, or for another word than their name."""
SPACES = """
    quad qquad enspace thinspace medspace thickspace negthinspace left right middle big Big bigg Bigg bigl bigr Bigl
    Bigr biggl biggr Biggl Biggr displaystyle textstyle scriptstyle scriptscriptstyle limits nolimits hline hfill
    noindent par newline linebreak allowbreak nonumber strut"""
LAYOUT = """
    frac dfrac tfrac cfrac binom dbinom tbinom choose over atop stackrel overset underset substack boxed fbox text
    textbf textit textrm textsf texttt textnormal mbox hbox mathrm mathbf mathit mathbb mathcal mathfrak mathsf mathtt
    mathscr mathop mathbin mathrel mathord operatorname boldsymbol pmb bm bf rm it sf tt cal em emph underline
    overline bar hat widehat tilde widetilde vec dot ddot overrightarrow overleftarrow overbrace underbrace"""
SIGNS = """
    langle rangle lfloor rfloor lceil rceil lvert rvert lVert rVert vert Vert lbrace rbrace lbrack rbrack mid backslash
    le leq leqslant leqq ge geq geqslant geqq lt gt ne neq eq equiv approx sim simeq cong doteq propto ll gg in ni
    notin not subset subseteq subsetneq supset supseteq parallel perp to gets mapsto rightarrow leftarrow
    longrightarrow leftrightarrow Rightarrow Leftarrow Leftrightarrow longmapsto implies impliedby iff colon
    times div cdot cdotp pm mp ast star circ bullet oplus otimes cup cap bigcup bigcap setminus wedge vee land lor neg
    lnot forall exists nexists therefore because emptyset varnothing partial nabla angle measuredangle triangle square
    degree prime dots ldots cdots dotsb dotsc dotsm vdots ddots"""
NOTHING = frozenset(f"{SPACES} {LAYOUT} {SIGNS}".split())

COMMAND = re.compile(
    r"\\(?:begin|end)[ \t]*\{[A-Za-z]+\*?\}(?:[ \t]*\{[lcrp|@. \t]*\})?"
    r"|\\(?:label|tag\*?|[hv]space\*?|color)[ \t]*\{[^{}\n]*\}"
    r"|\\[dtc]?frac[ \t]*(?P<over>\d)[ \t]*(?P<under>\d)"
    r"|\\log[ \t]*_[ \t]*(?P<base>\d)(?=\d)"
    r"|\\(?P<name>[A-Za-z]+)"
)
"""A command with what it swallows. None reaches over the end of a line, so that texts can be read joined by lines."""


def without_commands(text: str) -> str:
    """`text` with its commands replaced, each at its place and filled up with spaces to its length."""
    return COMMAND.sub(_replaced, text) if "\\" in text else text


def _replaced(command: re.Match[str]) -> str:
    if name := command["name"]:
        plain = PLAIN.get(name) or ("" if name in NOTHING else name)
    elif command["over"]:
        plain = f"{command['over']} {command['under']} "
    else:
        plain = f"log {command['base']} " if command["base"] else ""
    return plain.rjust(len(command[0]))
