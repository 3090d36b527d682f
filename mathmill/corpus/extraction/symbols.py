"""Characters of formulas and the LaTeX that writes them."""
# ruff: noqa: RUF001 -- lookalikes of ASCII characters are what this is about

import unicodedata
from functools import cache


def _pairs(listed: str) -> dict[str, str]:
    words = listed.split()
    return dict(zip(words[::2], words[1::2], strict=True))


_COMMANDS = """
α alpha β beta γ gamma δ delta ε varepsilon ϵ epsilon ζ zeta η eta θ theta ϑ vartheta ι iota κ kappa ϰ varkappa λ
lambda μ mu µ mu ν nu ξ xi π pi ϖ varpi ρ rho ϱ varrho σ sigma ς varsigma τ tau υ upsilon φ varphi ϕ phi χ chi ψ
psi ω omega Γ Gamma Δ Delta ∆ Delta Θ Theta Λ Lambda Ξ Xi Π Pi Σ Sigma Υ Upsilon Φ Phi Ψ Psi Ω Omega Ω Omega ϝ
digamma ∓ mp ± pm × times ÷ div · cdot ⋅ cdot ∙ bullet • bullet ⋆ star ∘ circ ⊕ oplus ⊖ ominus ⊗ otimes ⊘ oslash
⊙ odot † dagger ‡ ddagger ⨿ amalg ∔ dotplus ⊞ boxplus ⊠ boxtimes ⋊ rtimes ⋉ ltimes ∩ cap ∪ cup ⊎ uplus ⊓ sqcap ⊔
sqcup ∨ vee ∧ wedge ∖ setminus ≀ wr ⋄ diamond △ triangle ▵ triangle ▽ triangledown □ square ◻ square ■
blacksquare ∎ blacksquare ▪ blacksquare ≤ le ≥ ge ≦ leqq ≧ geqq ⩽ leqslant ⩾ geqslant ≪ ll ≫ gg ≠ ne ≡ equiv ∼
sim ≁ nsim ≃ simeq ≈ approx ≅ cong ≇ ncong ≐ doteq ≜ triangleq ∝ propto ≺ prec ≻ succ ⪯ preceq ⪰ succeq ≼
preccurlyeq ≽ succcurlyeq ≲ lesssim ≳ gtrsim ≮ nless ≯ ngtr ≰ nleq ≱ ngeq ∈ in ∉ notin ∋ ni ∊ in ⊂ subset ⊃
supset ⊆ subseteq ⊇ supseteq ⊈ nsubseteq ⊊ subsetneq ⊋ supsetneq ⊏ sqsubset ⊑ sqsubseteq ⊒ sqsupseteq ⊢ vdash ⊣
dashv ⊨ models ⊩ Vdash ⊬ nvdash ⊭ nvDash ∣ mid ∤ nmid ∥ parallel ∦ nparallel ⊥ perp ⟂ perp ⋈ bowtie ≍ asymp ⊲
triangleleft ⊳ triangleright ⊴ trianglelefteq ⊵ trianglerighteq ⌣ smile ∀ forall ∃ exists ∄ nexists ¬ neg ∅
emptyset ⌀ emptyset ∞ infty ∂ partial ∇ nabla ∠ angle ∡ measuredangle ∴ therefore ∵ because ℏ hbar ħ hbar ℓ ell ℘
wp ℜ Re ℑ Im ℵ aleph ℶ beth ð eth ⊤ top ♭ flat ♮ natural ♯ sharp ♠ spadesuit ♡ heartsuit ♢ diamondsuit ♣ clubsuit
√ surd ✓ checkmark ‵ backprime ı imath ȷ jmath ℧ mho → to ⟶ longrightarrow ← leftarrow ⟵ longleftarrow ↔
leftrightarrow ⟷ longleftrightarrow ⇒ Rightarrow ⟹ implies ⇐ Leftarrow ⟸ impliedby ⇔ Leftrightarrow ⟺ iff ↦
mapsto ⟼ longmapsto ↪ hookrightarrow ↩ hookleftarrow ↠ twoheadrightarrow ↣ rightarrowtail ⇀ rightharpoonup ⇁
rightharpoondown ↼ leftharpoonup ⇌ rightleftharpoons ↑ uparrow ↓ downarrow ↕ updownarrow ⇑ Uparrow ⇓ Downarrow ↗
nearrow ↘ searrow ↙ swarrow ↖ nwarrow ⇝ rightsquigarrow ↝ leadsto ⤳ leadsto ↾ upharpoonright ⇉ rightrightarrows ⇄
rightleftarrows ↛ nrightarrow ⇏ nRightarrow … dots ⋯ cdots ⋮ vdots ⋱ ddots ⋰ iddots ⟨ langle ⟩ rangle 〈 langle 〉
rangle 〈 langle 〉 rangle ⌈ lceil ⌉ rceil ⌊ lfloor ⌋ rfloor ⟮ lgroup ⟯ rgroup ⌜ ulcorner ⌝ urcorner ∑ sum ∏ prod ∐
coprod ∫ int ∬ iint ∭ iiint ⨌ iiiint ∮ oint ∯ oiint ⋂ bigcap ⋃ bigcup ⋀ bigwedge ⋁ bigvee ⨁ bigoplus ⨂ bigotimes
⨀ bigodot ⨄ biguplus ⨆ bigsqcup
"""
_SOURCES = r"""
− - ‐ - – - ∗ * ≔ := ≕ =: ∶ : ∕ / ⁄ / ≝ \overset{def}{=} ≟ \overset{?}{=} ≢ \not\equiv ≉ \not\approx ⊄ \not\subset ‖ \|
⟦ [\![ ⟧ ]\!] ° ^\circ ′ ' ″ '' ‴ ''' ʹ ' ⅆ d ⅇ e ⅈ i ⅅ D ½ \frac{1}{2} ¼ \frac{1}{4} ¾ \frac{3}{4} ⅓ \frac{1}{3}
⅔ \frac{2}{3} ℝ \mathbb{R} ℂ \mathbb{C} ℕ \mathbb{N} ℙ \mathbb{P} ℚ \mathbb{Q} ℤ \mathbb{Z} ℍ \mathbb{H}
ℬ \mathcal{B} ℰ \mathcal{E} ℱ \mathcal{F} ℋ \mathcal{H} ℐ \mathcal{I} ℒ \mathcal{L} ℳ \mathcal{M} ℛ \mathcal{R}
ℊ \mathcal{g} ℯ \mathcal{e} ℴ \mathcal{o} ℭ \mathfrak{C} ℌ \mathfrak{H} ℨ \mathfrak{Z} Å \mathring{A} Å \mathring{A}
{ \{ } \} % \% # \# $ \$ & \& _ \_ \ \backslash ~ \sim
"""
SYMBOLS = {character: f"\\{name}" for character, name in _pairs(_COMMANDS).items()} | _pairs(_SOURCES)
SYMBOLS |= dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΧο", "ABEZHIKMNOPTXo", strict=True))
SYMBOLS |= {"\xa0": r"\ ", "\u2002": r"\ ", "\u2003": r"\quad", "\u2005": r"\:", "\u2009": r"\,"}
SYMBOLS |= dict.fromkeys("\u2061\u2062\u2063\u2064\u200b\u200c\u200d\u2060\u200a\ufeff\ufe00\xad", "")

FUNCTIONS = frozenset(
    [
        "sin",
        "cos",
        "tan",
        "cot",
        "sec",
        "csc",
        "sinh",
        "cosh",
        "tanh",
        "coth",
        "arcsin",
        "arccos",
        "arctan",
        "log",
        "ln",
        "lg",
        "exp",
        "det",
        "dim",
        "ker",
        "hom",
        "deg",
        "gcd",
        "arg",
        "max",
        "min",
        "sup",
        "inf",
        "lim",
        "limsup",
        "liminf",
        "Pr",
    ]
)
LIMITS = frozenset(["lim", "limsup", "liminf", "max", "min", "sup", "inf", "det", "gcd", "Pr", "argmax", "argmin"])
"""Operators that take what stands below them as `_`."""
LARGE = frozenset("∑∏∐⋂⋃⋀⋁⨁⨂⨀⨄⨆∫∬∭⨌∮∯")
ARROWS = {"→": r"\xrightarrow", "⟶": r"\xrightarrow", "←": r"\xleftarrow", "⟵": r"\xleftarrow", "⇒": r"\xRightarrow"}
ACCENTS = {
    "^": ("hat", "widehat"),
    "ˆ": ("hat", "widehat"),
    "̂": ("hat", "widehat"),
    "~": ("tilde", "widetilde"),
    "˜": ("tilde", "widetilde"),
    "∼": ("tilde", "widetilde"),
    "̃": ("tilde", "widetilde"),
    "¯": ("bar", "overline"),
    "‾": ("bar", "overline"),
    "ˉ": ("bar", "overline"),
    "̅": ("bar", "overline"),
    "_": ("underline", "underline"),
    "̲": ("underline", "underline"),
    "→": ("vec", "overrightarrow"),
    "⃗": ("vec", "overrightarrow"),
    "⇀": ("vec", "overrightarrow"),
    "←": ("overleftarrow", "overleftarrow"),
    "˙": ("dot", "dot"),
    "̇": ("dot", "dot"),
    ".": ("dot", "dot"),
    "¨": ("ddot", "ddot"),
    "̈": ("ddot", "ddot"),
    "⃛": ("dddot", "dddot"),
    "ˇ": ("check", "check"),
    "̌": ("check", "check"),
    "˘": ("breve", "breve"),
    "̆": ("breve", "breve"),
    "´": ("acute", "acute"),
    "`": ("grave", "grave"),
    "˚": ("mathring", "mathring"),
    "⏞": ("overbrace", "overbrace"),
    "⏟": ("underbrace", "underbrace"),
    "︷": ("overbrace", "overbrace"),
    "︸": ("underbrace", "underbrace"),
}
"""What stands over or under one character, and over or under more."""
_ALPHABETS = {
    "DOUBLE-STRUCK": "mathbb",
    "BOLD FRAKTUR": "mathfrak",
    "FRAKTUR": "mathfrak",
    "BOLD SCRIPT": "mathcal",
    "SCRIPT": "mathcal",
    "SANS-SERIF": "mathsf",
    "MONOSPACE": "mathtt",
    "BOLD": "mathbf",
}


@cache
def symbol(character: str) -> str:
    """The LaTeX of one character: a command, or the character itself."""
    if character in SYMBOLS:
        return SYMBOLS[character]
    if "\U0001d400" <= character <= "\U0001d7ff":
        plain = unicodedata.normalize("NFKC", character)
        name = unicodedata.name(character, "")
        command = next((command for alphabet, command in _ALPHABETS.items() if alphabet in name), None)
        letter = SYMBOLS.get(plain, plain)
        if command == "mathbf" and letter.startswith("\\"):
            command = "boldsymbol"
        return f"\\{command}{{{letter}}}" if command else letter
    return character
