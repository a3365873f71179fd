"""Looking words up in what is written of pictures: names, captions, keywords, labels and dates, by SQLite's FTS5.

Words are found by their stems (Porter), the last by its beginning where it is found nowhere as a whole, since people see
answers while they type. Runs of
Chinese, Japanese and Korean are parted into characters, and looked up as phrases: they have no spaces between words.
"""

from __future__ import annotations

import json
import re
import sqlite3
import unicodedata
from collections.abc import Iterable

TABLE = "CREATE VIRTUAL TABLE words USING fts5(name, caption, keyword, date, tokenize = 'porter unicode61 remove_diacritics 2')"
FIELDS = ("name", "caption", "keyword", "date")  # in the order of the columns
WEIGHTS = "1.0, 2.0, 2.0, 1.0"  # of these, in the ranking (BM25)
# Without these a question says the same; they are left out where other words are left.
_FUNCTION_WORDS = frozenset(
    re.findall("[a-z]+", "a an and are at by for from in is of on or that the this to with")
)
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_WIDE = re.compile(r"([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff])")
_OPEN, _CLOSE = "\x01", "\x02"


def segmented(text: str) -> str:
    """`text` with every Chinese, Japanese and Korean character a word of its own."""
    return _WIDE.sub(r" \1 ", unicodedata.normalize("NFKC", text))


def document(
    path: str, captions: Iterable[str], keywords: Iterable[str], labels: Iterable[str], day: str
) -> tuple[str, str, str, str]:
    """What is looked up of a picture, by field; `path` as the index keeps it, `day` as ``YYYY-MM-DD``."""
    name = path.rsplit(".", 1)[0]
    fields = (name, " \n ".join(captions), " \n ".join((*keywords, *labels)), _date_words(day))
    name, caption, keyword, date = (segmented(field) for field in fields)
    return name, caption, keyword, date


def put(base: sqlite3.Connection, number: int, fields: tuple[str, str, str, str]) -> None:
    """Enter or replace what is looked up of an item."""
    base.execute(
        "INSERT OR REPLACE INTO words (rowid, name, caption, keyword, date) VALUES (?, ?, ?, ?, ?)",
        (number, *fields),
    )


def rebuild(base: sqlite3.Connection) -> None:
    """Make the table anew of the items; within a transaction."""
    base.execute("DELETE FROM words")
    _refresh(base, "slot IS NOT NULL")


def refresh(base: sqlite3.Connection, number: int) -> None:
    """Bring what is looked up of an item up to date with its row; within a transaction."""
    base.execute("DELETE FROM words WHERE rowid = ?", (number,))
    _refresh(base, "slot IS NOT NULL AND id = ?", number)


def refresh_root(base: sqlite3.Connection, root: int) -> None:
    """The same of all items of a folder, whose names are others."""
    base.execute("DELETE FROM words WHERE rowid IN (SELECT id FROM items WHERE root = ?)", (root,))
    _refresh(base, "slot IS NOT NULL AND root = ?", root)


def _refresh(base: sqlite3.Connection, which: str, *values: int) -> None:
    query = f"SELECT id, path, captions, keywords, labels, day FROM items WHERE {which}"
    for number, path, captions, keywords, labels, day in base.execute(query, values).fetchall():
        put(base, number, document(path, json.loads(captions), json.loads(keywords), json.loads(labels), day))


def expression(text: str, beginning: bool = False) -> str:
    """The question as FTS5 has it: every word has to be found; "" where there is none to look up. beginning: the last word
    may be the beginning of one."""
    asked = [" ".join(segmented(word).split()) for word in text.replace("\0", " ").split()]
    asked = [word for word in asked if any(c.isalnum() for c in word)]
    telling = [word for word in asked if word.casefold() not in _FUNCTION_WORDS] or asked
    phrases = ['"' + word.replace('"', '""') + '"' for word in telling]
    if phrases and beginning and not _WIDE.search(telling[-1]):
        phrases[-1] += "*"
    return " AND ".join(phrases)


def matching(base: sqlite3.Connection, text: str, most: int) -> list[int]:
    """The ids of the items in which all words of `text` are found, the best first; where there are none, those in which the
    last word begins another: it may still be being typed."""
    query = f"SELECT rowid FROM words WHERE words MATCH ? ORDER BY bm25(words, {WEIGHTS}), rowid LIMIT ?"
    for beginning in (False, True):
        asked = expression(text, beginning)
        rows = base.execute(query, (asked, most)).fetchall() if asked else []
        if rows:
            return [row[0] for row in rows]
    return []


def fields_found(base: sqlite3.Connection, text: str, ids: list[int]) -> dict[int, tuple[str, ...]]:
    """id → the fields in which words of `text` stand, of items that `matching` has found."""
    asked = expression(text, beginning=True)
    if not asked or not ids:
        return {}
    shown = ", ".join(f"highlight(words, {place}, '{_OPEN}', '{_CLOSE}')" for place in range(len(FIELDS)))
    marks = ",".join("?" * len(ids))
    query = f"SELECT rowid, {shown} FROM words WHERE words MATCH ? AND rowid IN ({marks})"
    return {
        number: tuple(name for name, text in zip(FIELDS, texts, strict=True) if _OPEN in str(text))
        for number, *texts in base.execute(query, (asked, *ids))
    }


def _date_words(day: str) -> str:
    """A date as people ask for it: ``2024-05-01``, ``May 2024``, ``2024年5月``."""
    parts = day.split("-")
    if len(parts) != 3 or not all(part.isdigit() for part in parts) or not 1 <= int(parts[1]) <= 12:
        return ""
    year, month, date = parts
    return f"{day} {_MONTHS[int(month) - 1]} {year}年{int(month)}月{int(date)}日"
