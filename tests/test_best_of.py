"""The best of several clips: what the first shows decides, and the seed that is told gives the clip again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kinelex.best_of import best, best_of, other_candidates
from kinelex.checking.check import check
from kinelex.errors import KinelexError
from kinelex.motion.motion import Segment
from kinelex.pipeline import Pipeline, load
from kinelex.prompts import Prompt

HARD = (
    "the man does a front kick three times",
    "someone makes three hops forward",
    "a person jumps three times",
    "a person walks clockwise in a circle",
)
PROMPTS = (Prompt("a person is happy", 3), *(Prompt(text, 3) for text in HARD))


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    """The bundled model: a random one shows nothing of what it is told."""
    return load("default")


def test_one_candidate_is_the_clip_itself_with_what_it_shows(pipeline: Pipeline) -> None:
    plain = pipeline.generate_batch(PROMPTS)
    for chosen, motion, prompt in zip(best_of(pipeline, PROMPTS, 1), plain, PROMPTS, strict=True):
        assert np.array_equal(chosen.motion.positions, motion.positions)
        assert chosen.findings == check(motion)
        assert (chosen.seed, chosen.drawn) == (prompt.seed, 1)


def test_more_are_drawn_where_the_first_shows_too_little(pipeline: Pipeline) -> None:
    first, best = (best_of(pipeline, PROMPTS, candidates) for candidates in (1, 6))
    assert not first[0].findings, "nothing can be seen of happiness"
    for one, chosen in zip(first, best, strict=True):
        assert chosen.drawn == (1 if one.flawless else 6)
        if one.flawless:
            assert np.array_equal(one.motion.positions, chosen.motion.positions)
    wrong, left = (sum(len(chosen.wrong) for chosen in each) for each in (first, best))
    assert left < wrong
    assert all(len(chosen.wrong) <= len(one.wrong) for one, chosen in zip(first, best, strict=True))
    changed = next(place for place, chosen in enumerate(best) if chosen.seed != PROMPTS[place].seed)
    again = pipeline.generate_batch([replace(PROMPTS[changed], seed=best[changed].seed)])[0]
    np.testing.assert_allclose(again.positions, best[changed].motion.positions, atol=1e-4)


def test_the_same_seed_chooses_the_same_clip_and_another_draws_others(pipeline: Pipeline) -> None:
    prompt = Prompt("the man does a front kick three times", 0)
    one, same = (best_of(pipeline, [prompt], 3)[0] for _ in range(2))
    assert one.seed == same.seed
    drawn = [{each.seed for each in other_candidates(replace(prompt, seed=seed), 64)} for seed in range(8)]
    assert len(set.union(*drawn)) == 8 * 63
    assert np.array_equal(one.motion.positions, same.motion.positions)


def test_of_clips_that_show_as_much_the_one_that_floats_least_is_taken(pipeline: Pipeline) -> None:
    (one,) = best_of(pipeline, PROMPTS[:1], 1)
    claims = check(one.motion.with_segments((Segment("a person lies down", 0.0, one.motion.seconds),)))
    assert [finding.right for finding in claims] == [False]
    drawn = [
        replace(one, seed=0, findings=claims),
        replace(one, seed=1, floating=0.3),
        replace(one, seed=2, floating=0.04),
        replace(one, seed=3, floating=0.0),
    ]
    assert [each.flawless for each in drawn] == [False, False, True, True]
    assert best(drawn).seed == 2, "what is too little to be sure of does not count"
    assert best(drawn[:2]).seed == 1, "showing what is said comes first"
    assert best(drawn[:2]).drawn == 2


@pytest.mark.parametrize("candidates", [0, -1, 10_000])
def test_a_number_out_of_range_is_refused(pipeline: Pipeline, candidates: int) -> None:
    with pytest.raises(KinelexError, match="give 1 to 256"):
        best_of(pipeline, PROMPTS, candidates)
