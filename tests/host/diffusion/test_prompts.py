"""Prompt syntax: weights, escapes and chunks, as artists know them from ComfyUI."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modiste.host.headless.diffusion.prompts import stretches, weighted_chunks
from modiste.models.base.tokenizer import tokenize

START, END = 49406, 49407
WORDS = st.text("ab cd,é\n", max_size=40)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a red skirt", [("a red skirt", 1.0)]),
        ("a (red:1.3) skirt", [("a ", 1.0), ("red", 1.3), (" skirt", 1.0)]),
        ("a (red) skirt", [("a ", 1.0), ("red", 1.1), (" skirt", 1.0)]),
        ("((red))", [("red", 1.1 * 1.1)]),
        ("(a (b:2) c)", [("a ", 1.1), ("b", 2.0), (" c", 1.1)]),
        ("(a (b) c:0.5)", [("a ", 0.5), ("b", 0.5 * 1.1), (" c", 0.5)]),
        ("(red:-0.5)", [("red", -0.5)]),
        ("(red: 1.2 )", [("red", 1.2)]),
        ("(ratio 3:4 cut)", [("ratio 3:4 cut", 1.1)]),
        ("(:1.5)", [(":1.5", 1.1)]),
        (r"a \(silk\) skirt", [("a (silk) skirt", 1.0)]),
        (r"(a \(silk\) skirt:1.2)", [("a (silk) skirt", 1.2)]),
        ("a (red", [("a ", 1.0), ("(red", 1.0)]),
        ("a) red", [("a) red", 1.0)]),
        ("a) (red)", [("a) (red)", 1.0)]),
        ("[red] {blue}", [("[red] {blue}", 1.0)]),
        ("", []),
        ("()", []),
    ],
)
def test_parentheses_weigh(prompt, expected):
    assert [(text, pytest.approx(weight)) for text, weight in expected] == stretches(prompt)


@given(WORDS, WORDS, WORDS, st.floats(-9, 9).map(lambda value: round(value, 3)))
def test_what_is_between_parentheses_has_the_weight_given(before, inside, after, weight):
    expected = [(before, 1.0), (inside, weight), (after, 1.0)]
    if inside:
        assert stretches(f"{before}({inside}:{weight}){after}") == [(text, value) for text, value in expected if text]


@given(st.text("ab():\\", max_size=30))
def test_escaped_parentheses_are_text(text):
    plain = text.replace("\\", "")
    escaped = plain.replace("(", "\\(").replace(")", "\\)")
    assert stretches(escaped) == ([(plain, 1.0)] if plain else [])


@given(st.text(st.sampled_from("ab ():.15\\,\n\0é"), max_size=60))
def test_any_text_becomes_whole_chunks(text):
    chunks = weighted_chunks(text, tokenize)
    for chunk in chunks:
        tokens = [token for token, _ in chunk]
        end = tokens.index(END)
        assert len(chunk) == 77 and tokens[0] == START and set(tokens[end:]) == {END}
        assert all(weight == 1 for token, weight in chunk if token in (START, END))


@given(st.lists(st.tuples(st.integers(1, 100), st.sampled_from([0.5, 1.0, 1.7])), min_size=1, max_size=6))
def test_chunks_hold_all_tokens_in_order(stretch_lengths):
    prompt = "".join(f"({'a ' * count}:{weight})" for count, weight in stretch_lengths)
    chunks = weighted_chunks(prompt, tokenize)
    kept = [pair for chunk in chunks for pair in chunk if pair[0] not in (START, END)]
    assert kept == [(320, weight) for count, weight in stretch_lengths for _ in range(count)]


def lengths(prompt):
    return [sum(token not in (START, END) for token, _ in chunk) for chunk in weighted_chunks(prompt, tokenize)]


def test_75_tokens_fit_into_one_chunk():
    assert lengths("a " * 75) == [75]
    assert lengths("a " * 76) == [75, 1]


def test_a_short_stretch_goes_to_the_next_chunk_whole_and_a_long_one_is_cut():
    assert lengths("a " * 70 + "(b b b b b b b)") == [70, 7]
    assert lengths("a " * 70 + "(b b b b b b b b)") == [75, 3]


def test_an_empty_prompt_is_start_and_ends():
    assert weighted_chunks("", tokenize) == [[(START, 1.0), *[(END, 1.0)] * 76]]


@pytest.mark.parametrize("prompt", ["embedding:silk", "a, embedding:silk", "a (embedding:silk:1.2) skirt", "a\nembedding:silk"])
def test_an_embedding_is_refused_by_name(prompt):
    with pytest.raises(ValueError, match=r"^The prompt names the embedding 'silk.*', which only ComfyUI loads"):
        weighted_chunks(prompt, tokenize)
