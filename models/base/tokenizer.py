"""CLIP's tokens: byte-pair encoding with OpenAI's published merges, which ship with the pack."""

from __future__ import annotations

import gzip
from functools import cache

from ..weights import SHIPPED

MERGES_FILE = SHIPPED / "clip_bpe_merges.txt.gz"
START, END = 49406, 49407  # the token that opens a prompt, and the one that closes and pads it
LENGTH = 77  # tokens that the text encoder reads at once, the two above included

# CLIP's words: a contraction's tail, letters, one digit, or anything else that is not space.
_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def tokenize(text: str) -> list[int]:
    """Return CLIP's tokens of a text, without start and end."""
    return _tokenizer().encode(text).ids


def padded_tokens(text: str) -> list[int]:
    """Return 77 tokens: start, the text's first 75, and ends."""
    tokens = [START, *tokenize(text)[: LENGTH - 2]]
    return tokens + [END] * (LENGTH - len(tokens))


@cache
def _tokenizer():  # noqa: ANN202 - tokenizers.Tokenizer, imported inside
    from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers
    from tokenizers.models import BPE

    with gzip.open(MERGES_FILE, "rt", encoding="utf-8") as lines:
        merges = [tuple(line.split()) for line in lines]
    letters = _byte_letters()
    words = [*letters, *(f"{letter}</w>" for letter in letters), *("".join(merge) for merge in merges)]
    tokenizer = Tokenizer(BPE({word: token for token, word in enumerate(words)}, merges, end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    return tokenizer


def _byte_letters() -> list[str]:
    """Return the 256 letters that stand for bytes, in the order of their tokens: printable bytes first, as themselves."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    return [chr(byte) for byte in printable] + [chr(256 + number) for number in range(256 - len(printable))]
