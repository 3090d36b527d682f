"""Formal proofs of miniF2F, checked by a command of the user's own."""
