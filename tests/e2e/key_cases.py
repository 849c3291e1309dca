"""What can go wrong with primary keys: names of the key field, and values. All by seed."""

from __future__ import annotations

import os
import random
from typing import Any

# Every word of the expression languages of Milvus 2.3 to 2.6 and of Milvus Lite, and some that other languages have.
_WORDS = """
    in not nin and or like exists is null isnull isnotnull true false undefined none nan inf infinity
    json_contains json_contains_all json_contains_any array_contains array_contains_all array_contains_any array_length
    text_match text_match_fuzzy phrase_match random_sample element_filter
    match_all match_any match_least match_most match_exact minimum_should_match threshold
    st_equals st_touches st_overlaps st_crosses st_contains st_intersects st_within st_dwithin st_isvalid
    iso interval between any all some regex xor mod div add sub count u8 u l r x e
    bool int8 int16 int32 int64 float double varchar json array meta
""".split()

_ODD_NAMES = [
    *(" id", "id ", " id ", "\tid", "id\n", "id\r", "\u00a0id", "id\u00a0", "id\u2028", "\u3000id", " in ", "i d"),
    *("_", "__", "_1", "id_", "ID", "iD", "1id", "0x1", "1e5", "9", "a" * 255, "a" * 256, "id\0", "\0id"),
    *("$meta", "$id", "id$", "$", '$meta["id"]', "i.d", "id[", "id[0]", 'i"d', '"id"', "'id'", "`id`", "{id}", "id,"),
    *("ïd", "名", "id名", "ıd", "ﬁ", "é", "e\u0301", "🙂", "\u200bid", "id\ufeff", "ｉｄ", "-id", "!id", "id//", "i/d"),
    *("RowID", "Timestamp", "rowid", "_default", "_partition", "_seq", "n", "vector", "count(*)", "%", "*", ""),
]


def key_names() -> list[str]:
    cases = (str.lower, str.upper, str.capitalize, lambda word: word[0] + word[1:].upper())
    return list(dict.fromkeys([case(word) for word in _WORDS for case in cases] + _ODD_NAMES))


# What a quoting of texts can get wrong: quotes, escapes and their beginnings, every control character, wildcards,
# braces (templates), line ends, characters of two to four bytes, some that combine or look alike.
_PIECES = [
    *"\\\"'`%_{}[]()$,;:?*/ \t\n\r",
    *(chr(code) for code in (*range(0, 9), 11, 12, *range(14, 32), 127, 0x80, 0x85, 0x9F, 0xA0, 0xAD, 0x7FF, 0x800)),
    *(chr(code) for code in (0x2028, 0x2029, 0x200B, 0x202E, 0xD7FF, 0xE000, 0xFEFF, 0xFFFD, 0xFFFF, 0x10000, 0x10FFFF)),
    *("u4e2d", "x41", "101", "U0001F600", "n", "{a}", "${a}", "%s", "in", "null", "é", "中", "々", "か", "한", "🙂", "𠀀"),
    *("e\u0301", "\u0301", "👨\u200d👩", "ß", "SS", "İ", "\\u", "\\U", "\\x", "\\0", "\\'", '\\"', "\\\\", "''", '""'),
]
# Looks like something else, or like another one.
_TEXTS = [
    *("", " ", "  ", "\\", '"', "'", "\\\\", '\\"', "\0", "\0\0", '"] or id != ["', "'] or id != ['", "%", "_", "%%"),
    *("\\u0041", "A", "\\x41", "\\101", "\\u4e2d", "中\\u4e2d", "\\U0001F642", "\\n", "\n", "\\\n", "\r\n"),
    *("0", "00", "-0", "1", "-1", "+1", "1.0", "1e0", "0x1", "0b1", "9223372036854775808", "NaN", "inf", "true", "null"),
    *("é", "e\u0301", "É", "ß", "ss", "SS", "a", "a ", " a", "a\0", "a\t", "A\u030a", "Å", "\ufeffa", "a\u200b", "{a}", "$a"),
]


def text_keys(seed: int, count: int) -> list[str]:
    """Among them neighbours: texts that differ from another one by one piece."""
    choice = random.Random(seed)
    keys = list(dict.fromkeys(_TEXTS))
    seen = set(keys)
    while len(keys) < count:
        if choice.random() < 0.3:
            base = choice.choice(keys)
            at = choice.randint(0, len(base))
            key = base[:at] + choice.choice(_PIECES) + base[at + choice.randint(0, 1) :]
        else:
            key = "".join(choice.choice(_PIECES) for _ in range(choice.randint(1, 12)))
        if key not in seen and len(key.encode()) <= 200:
            seen.add(key)
            keys.append(key)
    return _shuffled(choice, keys, first="")


def long_text_keys(limit: int) -> list[str]:
    """One for each kind of character, as many as `limit` bytes hold, and the same less the last one."""
    keys = []
    for character in ("\\", '"', "'", "a", "\0", "\n", "é", "中", "🙂", "e\u0301", '\\"'):
        whole = character * (limit // len(character.encode()))
        keys += [whole, whole[: -len(character)]]
    return keys


def number_keys(seed: int, count: int) -> list[int]:
    """Without 2**63 - 1, which no query of Milvus 2.3.5 finds."""
    choice = random.Random(seed)
    ends = {-(2**63), -(2**63) + 1, 2**63 - 2}
    around = {sign * 2**bits + more for bits in range(63) for sign in (1, -1) for more in (-1, 0, 1)}
    keys = sorted(ends | around)
    choice.shuffle(keys)
    keys = [*ends, *keys[: count // 2]]
    while len(set(keys)) < count:
        keys.append(choice.randint(-(2**63), 2**63 - 2) >> choice.randint(0, 63))
    return _shuffled(choice, list(dict.fromkeys(keys)), first=-(2**63))


def _shuffled(choice: random.Random, keys: list[Any], first: Any) -> list[Any]:
    keys.remove(first)
    choice.shuffle(keys)
    return [first, *keys]


def numbers(variable: str, otherwise: str) -> list[int]:
    """From the environment: `3`, `1-20`, `1-3,7`."""
    chosen: list[int] = []
    for part in os.environ.get(variable, otherwise).split(","):
        first, _, last = part.partition("-")
        chosen += range(int(first), int(last or first) + 1)
    return chosen
