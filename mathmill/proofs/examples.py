r"""Examples that a model is shown before it is asked for a formal proof.

Our own, of no benchmark's theorems. They were written without an Isabelle at hand and none has been checked; tests see
only that they have the form of proofs.
"""

from typing import NamedTuple


class Example(NamedTuple):
    """A proved problem."""

    informal_statement: str
    informal_proof: str
    formal: str
    """The theorem and its proof."""


EXAMPLES = (
    Example(
        r"What remainder does $7^5$ leave when it is divided by 12? Show that it is 7.",
        r"A calculation shows it.",
        r"""theorem remainder_of_power:
  "7^5 mod 12 = (7::nat)"
  sledgehammer""",
    ),
    Example(
        r"Two numbers satisfy $3x + 2y = 19$ and $x - y = 3$. Find $x$. Show that it is 5.",
        r"""The second equation says $y = x - 3$.
In the first, this makes $5x - 6 = 19$.
So $5x = 25$ and $x = 5$.""",
        r"""theorem two_linear_equations:
  fixes x y :: real
  assumes h0 : "3 * x + 2 * y = 19"
    and h1 : "x - y = 3"
  shows "x = 5"
proof -
  (* The second equation says $y = x - 3$. *)
  have c0: "y = x - 3"
    using h1 sledgehammer
  (* In the first, this makes $5x - 6 = 19$. *)
  have c1: "5 * x - 6 = 19"
    using h0 c0 sledgehammer
  (* So $5x = 25$ and $x = 5$. *)
  then show ?thesis
    sledgehammer
qed""",
    ),
    Example(
        r"Show that $6t \leq t^2 + 9$ for every real number $t$.",
        r"""The square $(t - 3)^2$ is not negative.
It equals $t^2 - 6t + 9$, so $6t \leq t^2 + 9$.""",
        r"""theorem bound_by_a_square:
  fixes t :: real
  shows "6 * t \<le> t^2 + 9"
proof -
  (* The square $(t - 3)^2$ is not negative. *)
  have c0: "0 \<le> (t - 3)^2"
    sledgehammer
  (* It equals $t^2 - 6t + 9$, so $6t \leq t^2 + 9$. *)
  have c1: "(t - 3)^2 = t^2 - 6 * t + 9"
    by (simp add: power2_eq_square algebra_simps)
  show ?thesis
    using c0 c1 sledgehammer
qed""",
    ),
    Example(
        r"A whole number leaves the remainder 3 when it is divided by 5. What remainder does one more than its double"
        r" leave? Show that it is 2.",
        r"""Let $k$ be the quotient, so that $n = 5k + 3$.
Then $2n + 1 = 10k + 7 = 5(2k + 1) + 2$, which leaves the remainder 2.""",
        r"""theorem remainder_of_double_plus_one:
  fixes n :: nat
  assumes h0 : "n mod 5 = 3"
  shows "(2 * n + 1) mod 5 = 2"
proof -
  (* Let $k$ be the quotient, so that $n = 5k + 3$. *)
  define k where "k = n div 5"
  have c0: "n = 5 * k + 3"
    unfolding k_def using h0 sledgehammer
  (* Then $2n + 1 = 10k + 7 = 5(2k + 1) + 2$, which leaves the remainder 2. *)
  have "2 * n + 1 = 5 * (2 * k + 1) + 2"
    using c0 sledgehammer
  then show ?thesis
    sledgehammer
qed""",
    ),
    Example(
        r"The function $f$ has $f(x) = 3x - 4$ for all real $x$. What is $f(f(3))$? Show that it is 11.",
        r"""First, $f(3) = 3 \cdot 3 - 4 = 5$.
Then $f(5) = 3 \cdot 5 - 4 = 11$.""",
        r"""theorem function_applied_twice:
  fixes f :: "real \<Rightarrow> real"
  assumes h0 : "\<And> x. f x = 3 * x - 4"
  shows "f (f 3) = 11"
proof -
  (* First, $f(3) = 3 \cdot 3 - 4 = 5$. *)
  have c0: "f 3 = 5"
    using h0 sledgehammer
  (* Then $f(5) = 3 \cdot 5 - 4 = 11$. *)
  have "f 5 = 11"
    using h0 sledgehammer
  then show ?thesis
    using c0 sledgehammer
qed""",
    ),
    Example(
        r"Show that $n^2 + n$ is even for every natural number $n$.",
        r"""It is the product $n(n + 1)$.
One of two neighbours is even, and so is their product.""",
        r"""theorem product_of_neighbours:
  fixes n :: nat
  shows "even (n^2 + n)"
proof -
  (* It is the product $n(n + 1)$. *)
  have c0: "n^2 + n = n * (n + 1)"
    by (simp add: power2_eq_square algebra_simps)
  (* One of two neighbours is even, and so is their product. *)
  have "even n \<or> even (n + 1)"
    sledgehammer
  then have "even (n * (n + 1))"
    sledgehammer
  then show ?thesis
    using c0 sledgehammer
qed""",
    ),
)
"""In the order in which they are shown."""
