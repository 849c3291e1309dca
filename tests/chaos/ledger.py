"""Writers that keep books: what the source has acknowledged, key by key, and what both sides hold in the end."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Any

import grpc

from lab.catalog import read_collection
from lab.compare import TargetKind, describe_differences
from lab.rows import Endpoint, MilvusError, read_rows
from model import operations as op
from model.actor import Actor, read_versions

_DEFAULT = op.DEFAULT_PARTITION
# Of one writer in one partition.
_KEYS = 400
# Upserted and deleted by all writers at once: the source decides who was last.
_HOT_KEYS = 60
_HOT = 900_000_000
_MOST_KEYS_AT_ONCE = 40
_AFTER_FAILURE_S = 0.5


@dataclass(frozen=True)
class Book:
    """A collection that the writers write to."""

    name: str
    shape: op.Shape
    partitions: tuple[str, ...] = (_DEFAULT,)


BOOKS = (
    Book("numbers", op.Shape(shards=2), (_DEFAULT, "p1", "p2")),
    Book("texts", op.Shape(text_key=True, text=True)),
    Book("automatic", op.Shape(auto_id=True)),
)


@dataclass
class Page:
    """What one writer knows of its keys in one partition."""

    book: Book
    partition: str
    # key -> version of its row
    there: dict[int, int] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    # An operation on them has ended unknown. Nobody touches them again; the source knows.
    unknown: set[int] = field(default_factory=set)
    # With automatic keys: version -> its keys that are there, in the order of the insert
    inserts: dict[int, list[int]] = field(default_factory=dict)


class _Clerk(Actor):
    """An actor that remembers the time of the newest answer (a hybrid timestamp)."""

    newest = 0

    def _call(self, method: str, request: Any) -> Any:
        answer = super()._call(method, request)
        self.newest = max(self.newest, getattr(answer, "timestamp", 0))
        return answer


class Writer:
    """One client of the source; its keys are its own, but for the hot ones.

    Each request is made once. If its outcome is unknown (the source was killed), its keys are retired.
    """

    def __init__(self, number: int, uri: str, database: str, seed: int, pause: float) -> None:
        self.random = random.Random(f"{seed}/{number}")
        self.pages = [Page(book, partition) for book in BOOKS for partition in book.partitions]
        self.operations = 0
        self.rows = 0
        self.failed = 0
        self.failure: BaseException | None = None
        self.last_refusal = ""
        self._database = database
        self._end = Endpoint(uri)
        self._clerk = _Clerk(self._end)
        self._pause = pause
        self._first = (number + 1) * 1_000_000
        self._version = (number + 1) * 10_000_000
        self._next_automatic = self._first

    @property
    def newest(self) -> int:
        return self._clerk.newest

    def run(self, stop: threading.Event) -> None:
        try:
            while not stop.is_set():
                failed = self.failed
                self._write_once()
                # Its pace: without it the source gets no further than its own queue. A server that is away gets time.
                stop.wait(self._pause if failed == self.failed else _AFTER_FAILURE_S)
        except BaseException as error:  # noqa: BLE001 - shown by whoever reads the books
            self.failure = error

    def close(self) -> None:
        self._end.close()

    def _write_once(self) -> None:
        page = self.random.choice(self.pages)
        if page.book.shape.auto_id:
            self._write_automatic(page)
        elif page.partition == _DEFAULT and self.random.random() < 0.2:
            self._write_hot(page)
        else:
            self._write_own(page)

    def _write_own(self, page: Page) -> None:
        every = range(self._first, self._first + _KEYS)
        free = [key for key in every if key not in page.there and key not in page.unknown]
        used = list(page.there)
        # More is inserted while there is little, more deleted while there is much.
        roll = self.random.random()
        if free and roll < 0.2 + 0.4 * len(free) / _KEYS:
            keys, version = self._some(free), self._next_version()
            operation = op.Insert(*self._where(page), page.partition, keys, version, page.book.shape)
            if self._do(operation, page, keys):
                self._note(page, keys, version)
        elif used and roll < 0.75:
            # Now and then also of keys that are not there.
            mixed = self.random.random() < 0.3
            keys, version = self._some(used + free if mixed else used), self._next_version()
            operation = op.Upsert(*self._where(page), page.partition, keys, version, page.book.shape)
            if self._do(operation, page, keys):
                self._note(page, keys, version)
        elif used:
            keys = self._some(used)
            if self._do(op.Delete(*self._where(page), page.partition, keys, page.book.shape), page, keys):
                page.gone.update(keys)
                for key in keys:
                    del page.there[key]

    def _write_automatic(self, page: Page) -> None:
        if page.inserts and self.random.random() < len(page.there) / _KEYS:
            version = self.random.choice(list(page.inserts))
            keys = tuple(page.inserts.pop(version))
            # Of the rest of them nothing is deleted any more: it counts from the first.
            count = self.random.randint(1, len(keys))
            operation = op.DeleteGenerated(*self._where(page), version, count, page.book.shape)
            if self._do(operation, page, keys[:count]):
                page.gone.update(keys[:count])
                for key in keys[:count]:
                    del page.there[key]
            return
        version = self._next_version()
        keys = tuple(range(self._next_automatic, self._next_automatic + self.random.randint(1, _MOST_KEYS_AT_ONCE)))
        self._next_automatic = keys[-1] + 1
        if self._do(op.Insert(*self._where(page), "", keys, version, page.book.shape), page, keys):
            self._note(page, keys, version)
            page.inserts[version] = list(keys)

    def _write_hot(self, page: Page) -> None:
        keys = tuple(self.random.sample(range(_HOT, _HOT + _HOT_KEYS), 10))
        operation: op.Operation
        if self.random.random() < 0.7:
            operation = op.Upsert(*self._where(page), page.partition, keys, self._next_version(), page.book.shape)
        else:
            operation = op.Delete(*self._where(page), page.partition, keys, page.book.shape)
        self._do(operation, None, keys)

    def _do(self, operation: op.Operation, page: Page | None, keys: Iterable[int]) -> bool:
        keys = list(keys)
        try:
            self._clerk.do(operation)
        except (grpc.RpcError, MilvusError) as error:
            self.failed += 1
            self.last_refusal = str(error)
            if page is not None:
                page.unknown.update(keys)
                page.gone.difference_update(keys)
                for key in keys:
                    page.there.pop(key, None)
            return False
        self.operations += 1
        self.rows += len(keys)
        return True

    @staticmethod
    def _note(page: Page, keys: Iterable[int], version: int) -> None:
        for key in keys:
            page.there[key] = version
            page.gone.discard(key)

    def _where(self, page: Page) -> tuple[str, str]:
        return self._database, page.book.name

    def _some(self, keys: list[int]) -> tuple[int, ...]:
        return tuple(self.random.sample(keys, self.random.randint(1, min(len(keys), _MOST_KEYS_AT_ONCE))))

    def _next_version(self) -> int:
        self._version += 1
        return self._version


@dataclass
class Verdict:
    """Both sides, row by row. Everything behind `live` is a fault."""

    operations: int = 0
    # In those operations.
    rows: int = 0
    # Operations whose outcome the source did not tell.
    unknown: int = 0
    # On the source, in the end.
    live: int = 0

    # On the source and not on the target. May be too many where rows are doubled: with copies of keys among the rows,
    # an answer of 2.3.5 was seen without its last keys.
    lost: int = 0
    # Copies of a key beyond those of the source, by count(*).
    doubled: int = 0
    # On the target and not on the source: deleted, or never there.
    resurrected: int = 0
    # The same key, another row.
    stale: int = 0
    # On the source, other than it has acknowledged: no fault of ours.
    unfaithful: int = 0
    # Everything else: schema, partitions, indexes, with an example of each of the above.
    differences: list[str] = field(default_factory=list)

    @property
    def faults(self) -> int:
        return self.lost + self.doubled + self.resurrected + self.stale + self.unfaithful + len(self.differences)

    def __str__(self) -> str:
        numbers = " ".join(f"{each.name}={getattr(self, each.name)}" for each in fields(self)[:-1])
        return "\n  ".join([numbers, *self.differences])


class Ledger:
    """All writers, on the collections of one database."""

    def __init__(self, uri: str, database: str, *, writers: int = 4, seed: int = 0, pause: float = 0.02) -> None:
        self.database = database
        self._source = Endpoint(uri)
        self._actor = _Clerk(self._source)
        self._writers = [Writer(number, uri, database, seed, pause) for number in range(writers)]
        self._threads: list[threading.Thread] = []
        self._stop = threading.Event()

    def make_collections(self) -> None:
        """Makes the database and the collections, with indexes, and has them loaded."""
        do = self._actor.do
        do(op.CreateDatabase(self.database))
        for book in BOOKS:
            do(op.CreateCollection(self.database, book.name, book.shape))
            for partition in book.partitions:
                if partition != _DEFAULT:
                    do(op.CreatePartition(self.database, book.name, partition))
            do(op.CreateIndex(self.database, book.name, "by_vector", "FLAT", "L2"))
            do(op.Load(self.database, book.name))

    def do(self, operation: op.Operation) -> None:
        """Something that is not in the books."""
        self._actor.do(operation)

    def begin(self) -> None:
        self._stop.clear()
        self._threads = [
            threading.Thread(target=each.run, args=(self._stop,), daemon=True, name=f"writer-{number}")
            for number, each in enumerate(self._writers)
        ]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """After it, nobody writes."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        for writer in self._writers:
            if writer.failure is not None:
                raise writer.failure

    @property
    def operations(self) -> int:
        return sum(writer.operations for writer in self._writers)

    @property
    def rows(self) -> int:
        """Written so far; a key counts each time."""
        return sum(writer.rows for writer in self._writers)

    @property
    def failed(self) -> int:
        return sum(writer.failed for writer in self._writers)

    def after_last_write(self) -> int:
        """A hybrid timestamp above all that was written. A source that was started again may be some seconds ahead of
        the clock, and a request may have ended unknown just now."""
        newest = max(self._actor.newest, *(writer.newest for writer in self._writers))
        return max(newest, int((time.time() + 3) * 1000) << 18)

    def judge(self, target: Endpoint, kind: TargetKind) -> Verdict:
        """Reads everything on both sides, now."""
        verdict = Verdict(
            operations=self.operations, rows=sum(writer.rows for writer in self._writers), unknown=self.failed
        )
        for book in BOOKS:
            self._judge_rows(book, target, kind, verdict)
            self._judge_books(book, verdict)
        return verdict

    def _judge_rows(self, book: Book, target: Endpoint, kind: TargetKind, verdict: Verdict) -> None:
        here = read_collection(self._source, self.database, book.name)
        there = read_collection(target, self.database, book.name)
        verdict.differences += [f"{book.name}: {text}" for text in describe_differences(here, there, kind)]
        partitions = list(book.partitions)
        mine = read_rows(self._source, self.database, book.name, here.schema, partitions).partitions
        theirs = read_rows(target, self.database, book.name, there.schema, partitions).partitions
        # Not every target counts the rows of one partition.
        for group in [[name] for name in partitions] if kind.loads_partitions else [partitions]:
            whole = len(group) == len(partitions)
            copies = [
                end.count(self.database, book.name, "" if whole else group[0])
                - sum(len(rows[name]) for name in group)
                for end, rows in ((self._source, mine), (target, theirs))
            ]
            verdict.doubled += copies[1] - copies[0]
            if copies[0] != copies[1]:
                text = "{} rows more than keys on the source, {} on the target".format(*copies)
                verdict.differences.append(f"{book.name} {', '.join(group)}: {text}")
        for name in partitions:
            a, b = mine[name], theirs[name]
            verdict.live += len(a)
            for what, keys in (
                ("lost", [key for key in a if key not in b]),
                ("resurrected", [key for key in b if key not in a]),
                ("stale", [key for key in a if key in b and a[key] != b[key]]),
            ):
                setattr(verdict, what, getattr(verdict, what) + len(keys))
                if keys:
                    verdict.differences.append(f"{book.name} {name}: {len(keys)} {what}, e.g. {sorted(keys)[:5]}")

    def _judge_books(self, book: Book, verdict: Verdict) -> None:
        """The source against what it has acknowledged."""
        found = {name: read_versions(self._source, self.database, book.name, name) for name in book.partitions}
        for writer in self._writers:
            for page in writer.pages:
                if page.book is not book:
                    continue
                rows = found[page.partition]
                wrong = [key for key, version in page.there.items() if rows.get(key) != version]
                wrong += [key for key in page.gone if key in rows]
                verdict.unfaithful += len(wrong)
                if wrong:
                    verdict.differences.append(
                        f"{book.name} {page.partition}: the source has {len(wrong)} keys other than it has "
                        f"acknowledged, e.g. {json.dumps(sorted(wrong)[:5])}"
                    )

    def close(self) -> None:
        for writer in self._writers:
            writer.close()
        self._source.close()
