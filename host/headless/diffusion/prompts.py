"""Prompt syntax: (words:1.2) weighs words, (words) by 1.1, \\( and \\) are parentheses; long prompts go on in a next chunk."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress

from ....models.base.tokenizer import END, LENGTH, START

TokenWeights = list[tuple[int, float]]  # one chunk: 77 pairs

EMPHASIS = 1.1
LONG = 8  # tokens; a stretch of so many may be cut between two chunks, a shorter one goes to the next whole
ROOM = LENGTH - 2  # what start and end leave of a chunk


def weighted_chunks(prompt: str, tokenize: Callable[[str], list[int]]) -> list[TokenWeights]:
    """Return a prompt as chunks of 77 tokens with their weights, filled up with end tokens, as core cuts it.

    Raises:
        ValueError: if it names an embedding, which only ComfyUI loads.
    """
    chunks: list[TokenWeights] = [[]]
    for text, weight in stretches(prompt):
        named = re.search(r"(?:^|[ \n])embedding:(\S*)", text)
        if named:
            raise ValueError(f"The prompt names the embedding '{named[1]}', which only ComfyUI loads: leave it out, or run there.")
        tokens = tokenize(text)
        may_break = len(tokens) >= LONG
        while tokens:
            room = ROOM - len(chunks[-1])
            if room == 0 or (len(tokens) > room and not may_break):
                chunks.append([])
                room = ROOM
            chunks[-1] += [(token, weight) for token in tokens[:room]]
            tokens = tokens[room:]
    return [_filled(chunk) for chunk in chunks]


def stretches(prompt: str) -> list[tuple[str, float]]:
    """Return the stretches of a prompt that share one weight, in order; weights by parentheses multiply, given ones stand."""
    hidden = prompt.replace("\\)", "\0\1").replace("\\(", "\0\2")
    return [(text.replace("\0\1", ")").replace("\0\2", "("), weight) for text, weight in _weighted(hidden, 1.0)]


def _weighted(text: str, weight: float) -> Iterator[tuple[str, float]]:
    for part in _outer_parts(text):
        if len(part) < 2 or part[0] != "(" or part[-1] != ")":
            yield part, weight
            continue
        inside, own = part[1:-1], weight * EMPHASIS
        head, colon, number = inside.rpartition(":")
        if colon and head:
            with suppress(ValueError):  # then it is a colon of the text
                own = float(number)
                inside = head
        yield from _weighted(inside, own)


def _outer_parts(text: str) -> Iterator[str]:
    """Yield a text in parts: each outermost pair of parentheses with what is in it, and what is between such pairs.

    An opening one without its partner takes the rest; a closing one without is text, and counts against the next opening ones.
    """
    part, depth = "", 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == "(" and depth == 1:
            if part:
                yield part
            part = ""
        part += letter
        if letter == ")" and depth == 0:
            yield part
            part = ""
    if part:
        yield part


def _filled(chunk: TokenWeights) -> TokenWeights:
    return [(START, 1.0), *chunk, *[(END, 1.0)] * (LENGTH - 1 - len(chunk))]
