"""From the tokens of a text to the bytes and the characters that each of them stands for, exactly."""

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from verifier.errors import InvalidInput

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["bytes_of_tokens", "token_spans"]

BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>")
# GPT-2 writes a byte as the character of its number, or from number 256 on where that cannot be printed.
PRINTABLE = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))
BYTE_OF = {chr(byte): byte for byte in PRINTABLE} | {
    chr(256 + i): byte for i, byte in enumerate(sorted({*range(256)}.difference(PRINTABLE)))
}


def bytes_of_tokens(tokenizer: "PreTrainedTokenizerBase", ids: Sequence[int]) -> list[bytes]:
    """The bytes each token stands for in what `tokenizer.decode` makes of them; b"" for special ones.

    Knows byte-level BPE (the GPT-2 alphabet of bytes) and sentencepiece-style
    tokenizers with byte fallback (`▁` and `<0xE2>`).

    Raises:
        InvalidInput: it is another kind of tokenizer, or it decodes to anything but these bytes.
    """
    # Not above: verifiers read the settings of credit, and have no transformers.
    from transformers import PreTrainedTokenizerFast

    if not isinstance(tokenizer, PreTrainedTokenizerFast) or tokenizer.backend_tokenizer.decoder is None:
        raise InvalidInput(_INEXACT)
    decoder = json.loads(tokenizer.backend_tokenizer.decoder.__getstate__())
    parts = decoder.get("decoders", [decoder])
    kinds = {part["type"] for part in parts}
    added = tokenizer.added_tokens_decoder
    special = {*tokenizer.all_special_ids, *(i for i, token in added.items() if token.special)}
    names = tokenizer.convert_ids_to_tokens(list(ids))
    pieces = ["" if i in special else str(name) for i, name in zip(ids, names, strict=True)]
    if kinds == {"ByteLevel"}:
        found = [_decode_alphabet(piece) for piece in pieces]
    elif "ByteFallback" in kinds:
        strips = any(part["type"] == "Strip" and part["start"] for part in parts)
        found = _decode_with_fallback(pieces, strips=strips)
    else:
        raise InvalidInput(_INEXACT)
    if b"".join(found).decode(errors="replace") != tokenizer.decode(list(ids), skip_special_tokens=True):
        raise InvalidInput(_INEXACT)
    return found


_INEXACT = (
    "the bytes of this tokenizer's tokens are not known exactly, so no credit can be given by tactic: "
    "use a byte-level BPE tokenizer, one with byte fallback, or scheme = 'outcome'"
)


def _decode_alphabet(piece: str) -> bytes:
    try:
        return bytes(BYTE_OF[character] for character in piece)
    except KeyError:
        # Tokens that were added as text are written as they are.
        return piece.encode()


def _decode_with_fallback(pieces: Sequence[str], *, strips: bool) -> list[bytes]:
    """As the decoder does: a run of byte tokens that is no UTF-8 becomes one U+FFFD for each token."""
    found = [
        bytes([int(match[1], 16)])
        if (match := BYTE_TOKEN.fullmatch(piece))
        else piece.replace("▁", " ").encode()
        for piece in pieces
    ]
    runs = groupby(
        (i for i, piece in enumerate(pieces) if piece), lambda i: bool(BYTE_TOKEN.fullmatch(pieces[i]))
    )
    for run in (list(members) for is_bytes, members in runs if is_bytes):
        try:
            b"".join(found[i] for i in run).decode()
        except UnicodeDecodeError:
            for i in run:
                found[i] = "\ufffd".encode()
    first = next((i for i, piece in enumerate(found) if piece), None)
    if strips and first is not None:
        found[first] = found[first].removeprefix(b" ")
    return found


def token_spans(token_bytes: Sequence[bytes]) -> list[tuple[int, int]]:
    """The code points of the decoded text that each token holds bytes of.

    The text is the UTF-8 of all tokens together, U+FFFD for what is none.  A
    character cut in two belongs to the spans of both tokens.  A token without
    bytes has the empty span at its place.
    """
    starts = _character_starts(b"".join(token_bytes))
    spans: list[tuple[int, int]] = []
    position = 0
    for piece in token_bytes:
        stop = bisect_left(starts, position + len(piece))
        spans.append((bisect_right(starts, position) - 1 if piece else stop, stop))
        position += len(piece)
    return spans


def _character_starts(data: bytes) -> list[int]:
    """Byte offset of each character that decoding with `errors="replace"` gives, and of the end."""
    starts: list[int] = []
    offset = 0
    while offset < len(data):
        bad = None
        try:
            good = data[offset:].decode()
        except UnicodeDecodeError as error:
            good, bad = data[offset : offset + error.start].decode(), error.end
        position = offset
        for character in good:
            starts.append(position)
            position += len(character.encode())
        if bad is None:
            break
        starts.append(position)
        offset += bad
    return [*starts, len(data)]
