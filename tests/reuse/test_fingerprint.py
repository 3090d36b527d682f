"""Fingerprints are equal when code, settings and inputs are, and say in words what is other."""

from dataclasses import replace

from mathmill.reuse.fingerprint import CODE, Fingerprint

ONE = Fingerprint(
    "dedup", "c0de", {"corpus.minhash": {"threshold": 0.75, "bands": 32}, "seed": 1}, {"pages": "a", "iteration": "1"}
)


def test_the_digest_is_of_all_its_parts() -> None:
    others = [
        replace(ONE, stage="score"),
        replace(ONE, code="other"),
        replace(ONE, settings={**ONE.settings, "seed": 2}),
        replace(ONE, inputs={**ONE.inputs, "pages": "b"}),
        replace(ONE, inputs={"pages": "a"}),
    ]
    digests = {one.digest() for one in (ONE, *others)}
    assert len(digests) == len(others) + 1
    assert replace(ONE, inputs=dict(reversed(ONE.inputs.items()))).digest() == ONE.digest()


def test_differences_name_the_key_and_both_values() -> None:
    now = replace(ONE, settings={"corpus.minhash": {"threshold": 0.8, "bands": 32}, "seed": 1})
    assert now.differences(ONE) == "corpus.minhash.threshold is 0.8, was 0.75"
    assert ONE.differences(ONE) == ""


def test_of_many_differences_the_first_are_told() -> None:
    now = Fingerprint("dedup", "new", {"corpus.minhash": None, "seed": 2}, {"pages": "b"})
    assert now.differences(ONE) == (
        f'{CODE}; corpus.minhash is null, was {{"threshold": 0.75, "bands": 32}}; seed is 2, was 1; and 2 more'
    )
