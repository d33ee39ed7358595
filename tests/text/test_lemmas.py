"""Tags agree with HanTa where nothing is corrected, and with the published caption files on the whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from HanTa.HanoverTagger import HanoverTagger

from kinelex.errors import KinelexError
from kinelex.text.inflection import third_person, verb_form
from kinelex.text.lemmas import tag
from kinelex.text.viterbi import SentenceTagger

CAPTIONS = (
    "a man kicks something or someone with his left leg .",
    "the standing person kicks with their left foot before going back to their original stance",
    "a figure noteably isn't ballroom dancing , then zorbles & flurbs 23 times ;",
    "person doing double tollups then moves to the right side and acts like a robot",
)


def test_fast_search_finds_hanta_s_own_tags() -> None:
    model = HanoverTagger("morphmodel_en.pgz")
    ours = SentenceTagger(model)
    for caption in CAPTIONS:
        words = caption.split()
        theirs = [model.int2tag[number] for number in model.tag_sent_viterbi(words, casesensitive=False)]
        assert ours.tags(words) == theirs


def test_a_caption_is_tagged_as_humanml3d_tags() -> None:
    tagged = tag("A man kicks something or someone with his left leg.")
    expected = (
        "a/DET man/NOUN kick/VERB something/PRON or/CCONJ someone/PRON with/ADP his/DET left/ADJ leg/NOUN"
    )
    assert " ".join(f"{word.lemma}/{word.pos}" for word in tagged) == expected
    assert tagged[2].word == "kicks"


@pytest.mark.parametrize(
    ("caption", "verbs"),
    [
        ("walks", ["walk"]),
        ("a person stops, turns, and waves", ["stop", "turn", "wave"]),
        ("he takes two steps back", ["take"]),
        ("someone throws punches and kicks", ["throw"]),
        ("someone sits, waves, kicks and dances", ["sit", "wave", "kick", "dance"]),
        ("someone walks backwards, trips, falls and rolls", ["walk", "trip", "fall", "roll"]),
        ("a person kneels, thumbs and fingers touching", ["kneel", "touch"]),
        ("a person walks, strides and steps getting longer", ["walk", "get"]),
        ("a person jogging in place", ["jog"]),
    ],
)
def test_verbs_and_plural_nouns_are_told_apart(caption: str, verbs: list[str]) -> None:
    assert [word.lemma for word in tag(caption) if word.pos == "VERB"] == verbs


@pytest.mark.parametrize("caption", ["", "  ", "?!", "..."])
def test_a_caption_without_words_is_refused(caption: str) -> None:
    with pytest.raises(KinelexError, match="no word"):
        tag(caption)


@pytest.mark.parametrize(
    ("verb", "third"),
    [
        ("walk", "walks"),
        ("reach", "reaches"),
        ("carry", "carries"),
        ("play", "plays"),
        ("go", "goes"),
        ("be", "is"),
    ],
)
def test_third_person(verb: str, third: str) -> None:
    assert third_person(verb) == third
    if verb != "be":
        assert verb_form(third, verb) == "s"
        assert verb_form(verb, verb) == "base"


@pytest.mark.skipif("KINELEX_DATA" not in os.environ, reason="needs the unpacked caption pack")
def test_agreement_with_the_published_tags() -> None:
    folder = Path(os.environ["KINELEX_DATA"]) / "humanml3d-captions" / "texts"
    words = same = 0
    for path in sorted(folder.glob("000*.txt"))[::5]:
        for line in path.read_text().splitlines():
            text, pairs = line.split("#")[:2]
            published = [pair.rpartition("/")[2] for pair in pairs.split()]
            ours = [word.pos for word in tag(text)]
            if len(ours) == len(published):
                words += len(ours)
                same += sum(a == b for a, b in zip(ours, published, strict=True))
    assert same / words > 0.94


def test_what_is_no_word_is_not_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """HanTa would take seconds for it."""
    asked: list[str] = []
    taken_apart = HanoverTagger.tag_word

    def noted(self: HanoverTagger, word: str, **how: object) -> object:
        asked.append(word)
        return taken_apart(self, word, **how)

    monkeypatch.setattr(HanoverTagger, "tag_word", noted)
    for letters in ("w", "walking", "s"):
        word = (letters * 1000)[:1000]
        assert [part.lemma for part in tag(f"a person zigzagged {word} and sits")[-3:]] == [
            word,
            "and",
            "sit",
        ]
    assert asked
    assert max(map(len, asked)) < 1000
