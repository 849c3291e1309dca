"""A seed becomes a list of operations. They depend on the seed and on what the list did before, on nothing else:
neither on time nor on what a server answers. So a seed repeats."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from .operations import (
    DEFAULT_PARTITION,
    AlterAlias,
    AwaitDrained,
    AwaitEqual,
    AwaitNames,
    CopyAgain,
    CreateAlias,
    CreateCollection,
    CreateDatabase,
    CreateIndex,
    CreatePartition,
    CreateTask,
    Delete,
    DeleteGenerated,
    DropAlias,
    DropCollection,
    DropDatabase,
    DropIndex,
    DropPartition,
    Flush,
    Insert,
    LetPass,
    Load,
    LoadPartitions,
    Operation,
    PauseTask,
    RecreateTask,
    Release,
    ReleasePartitions,
    RenameCollection,
    ResumeTask,
    Retry,
    SetAside,
    SetTimeToLive,
    Shape,
    StartServer,
    StopServer,
    Upsert,
)

# What can be left out of the plans, to see whether a failure has to do with it.
FEATURES = frozenset(
    {
        "aliases", "asides", "copies", "databases", "flush", "loads", "mapping", "partitions", "pauses", "properties", "recreations", "renames",
        "restarts",
    }
)

SCENES = 26
_MOST_COLLECTIONS = 4
_KEYS = 60
_INDEXES = (("FLAT", "L2"), ("HNSW", "COSINE"), ("IVF_FLAT", "IP"))


@dataclass(frozen=True)
class Plan:
    # Of the task and of the databases; no two plans that are played at the same time have the same.
    label: str
    databases: tuple[str, ...]
    # database on the source -> on the target
    mapping: dict[str, str]
    operations: tuple[Operation, ...]
    # "database.collection" -> partition -> key -> version of the row; without collections of automatic keys.
    rows: dict[str, dict[str, dict[int, int]]]

    def listing(self, reached: int | None = None) -> str:
        """A line for each operation; the one that was `reached` is marked."""
        width = len(str(len(self.operations)))
        return "\n".join(
            f"{'>' if number == reached else ' '} {number:{width}} {operation}"
            for number, operation in enumerate(self.operations)
        )


def make_plan(
    seed: int, *, label: str = "", without: frozenset[str] = frozenset(), scenes: int = SCENES
) -> Plan:
    return _Planner(seed, label or f"m{seed}", without).plan(scenes)


@dataclass
class _Collection:
    database: str
    name: str
    shape: Shape
    # partition -> the keys that live in it, with the version of their row
    rows: dict[str, dict[int, int]] = field(default_factory=lambda: {DEFAULT_PARTITION: {}})
    # Of automatic keys: version of the insert, number of rows.
    generated: list[tuple[int, int]] = field(default_factory=list)
    index: str = ""
    # "", "all" of it, or "some" partitions.
    loaded: str = ""
    aliases: set[str] = field(default_factory=set)

    @property
    def live(self) -> set[int]:
        return set().union(*self.rows.values())

    def write(self, partition: str, keys: Iterable[int], version: int) -> None:
        self.rows[partition].update(dict.fromkeys(keys, version))

    def delete(self, partition: str, keys: Iterable[int]) -> None:
        """Without a partition: wherever they are."""
        for rows in [self.rows[partition]] if partition else self.rows.values():
            for key in keys:
                rows.pop(key, None)


class _Planner:
    def __init__(self, seed: int, label: str, without: frozenset[str]) -> None:
        if unknown := without - FEATURES:
            raise ValueError(f"unknown features: {sorted(unknown)}; there are {sorted(FEATURES)}")
        self._label = label
        self._random = random.Random(seed)
        self._with = FEATURES - without
        self._first = f"{label}_a"
        self._second = f"{label}_b"
        self._databases = [self._first]
        self._collections: list[_Collection] = []
        self._done: list[Operation] = []
        self._version = 0
        self._names = 0
        self._task = False
        self._paused = False
        self._server = True

    def plan(self, scenes: int) -> Plan:
        mapping = {name: name for name in (self._first, self._second)}
        if "mapping" in self._with and self._chance(0.3):
            mapping[self._random.choice([self._first, self._second])] = f"{self._label}_there"
        self._do(CreateDatabase(self._first))
        # A task that begins later finds a history.
        begins = 0 if self._chance(0.6) else self._random.randint(1, 8)
        self._new_collection()
        for number in range(scenes):
            if number == begins:
                self._do(CreateTask("snapshot" if begins and self._chance(0.5) else "earliest"))
                self._task = True
            while not self._scene():
                pass
            if self._chance(0.35):
                self._do(LetPass(self._random.choice([20, 100, 250, 400])))
        self._finish()
        rows = {f"{c.database}.{c.name}": c.rows for c in self._collections if not c.shape.auto_id}
        return Plan(self._label, (self._first, self._second), mapping, tuple(self._done), rows)

    # -- scenes: False if there is nothing to do it with ---------------------------------------------------------------

    def _scene(self) -> bool:
        table: list[tuple[int, str, Callable[[], bool]]] = [
            (24, "", self._rows),
            (9, "", self._new_collection),
            (9, "", self._drop_and_again),
            (8, "partitions", self._new_partition),
            (10, "partitions", self._drop_partition_and_again),
            (5, "", self._change_index),
            (5, "loads", self._change_load),
            (4, "loads", self._change_loaded_partitions),
            (3, "flush", self._flush),
            (8, "renames", self._rename),
            (4, "renames", self._swap_names),
            (3, "renames", self._take_freed_name),
            (7, "aliases", self._change_alias),
            (4, "properties", self._set_time_to_live),
            (5, "databases", self._change_database),
            (7, "pauses", self._pause_or_resume),
            (4, "restarts", self._restart),
            (5, "recreations", self._recreate_task),
            (6, "copies", self._copy_again),
            (6, "asides", self._set_aside),
            (7, "", self._await_names),
        ]
        possible = [(weight, scene) for weight, feature, scene in table if not feature or feature in self._with]
        return self._random.choices([scene for _, scene in possible], [weight for weight, _ in possible])[0]()

    def _rows(self) -> bool:
        collection = self._any()
        if collection is None:
            return False
        self._burst(collection, self._random.randint(1, 5))
        return True

    def _new_collection(self) -> bool:
        if len(self._collections) >= _MOST_COLLECTIONS:
            return False
        collection = self._create(self._random.choice(self._databases), self._new_name("c"))
        if self._chance(0.4):
            self._create_index(collection)
        if "loads" in self._with and collection.index and self._chance(0.4):
            self._load(collection)
        if self._chance(0.8):
            self._burst(collection, 2)
        return True

    def _drop_and_again(self) -> bool:
        """The name may live several times within one tick, each life with another schema and rows."""
        collection = self._any()
        if collection is None:
            return False
        database, name = collection.database, collection.name
        for _ in range(self._random.choice([1, 1, 1, 2, 3])):
            if self._chance(0.8):
                self._burst(collection, self._random.randint(1, 3))
            self._drop(collection)
            if self._chance(0.3):
                return True
            if self._chance(0.2):
                self._do(LetPass(self._random.choice([50, 300])))
            collection = self._create(database, name)
            if self._chance(0.9):
                self._burst(collection, self._random.randint(1, 3))
        return True

    def _new_partition(self) -> bool:
        collection = self._any(lambda c: not c.shape.key_partitions and len(c.rows) < 4)
        if collection is None:
            return False
        name = self._new_name("p")
        self._create_partition(collection, name)
        if self._chance(0.8):
            self._burst(collection, self._random.randint(1, 2), name)
        return True

    def _drop_partition_and_again(self) -> bool:
        collection = self._any(lambda c: len(c.rows) > 1)
        if collection is None:
            return False
        name = self._random.choice([name for name in collection.rows if name != DEFAULT_PARTITION])
        for _ in range(self._random.choice([1, 1, 2])):
            self._burst(collection, self._random.randint(1, 3), name)
            if collection.loaded:
                self._do(ReleasePartitions(collection.database, collection.name, (name,)))
            self._do(DropPartition(collection.database, collection.name, name))
            del collection.rows[name]
            if self._chance(0.35):
                break
            self._create_partition(collection, name)
            self._burst(collection, self._random.randint(1, 2), name)
        if self._chance(0.5):
            self._burst(collection, 1)
        return True

    def _change_index(self) -> bool:
        collection = self._any()
        if collection is None:
            return False
        if not collection.index:
            self._create_index(collection)
            return True
        if collection.loaded:
            self._release(collection)
        self._do(DropIndex(collection.database, collection.name, collection.index))
        collection.index = ""
        if self._chance(0.5):
            self._create_index(collection)
        return True

    def _change_load(self) -> bool:
        collection = self._any(lambda c: bool(c.index))
        if collection is None:
            return False
        if collection.loaded and self._chance(0.6):
            self._release(collection)
        else:
            self._load(collection)
        return True

    def _change_loaded_partitions(self) -> bool:
        collection = self._any(lambda c: bool(c.index) and len(c.rows) > 1)
        if collection is None:
            return False
        some = tuple(sorted(self._random.sample(sorted(collection.rows), self._random.randint(1, 2))))
        if collection.loaded and self._chance(0.6):
            self._do(ReleasePartitions(collection.database, collection.name, some))
        else:
            self._load_partitions(collection, some)
        return True

    def _flush(self) -> bool:
        collection = self._any()
        if collection is None:
            return False
        if self._chance(0.7):
            self._burst(collection, 1)
        self._do(Flush(collection.database, collection.name))
        if self._chance(0.7):
            self._burst(collection, 1)
        return True

    def _rename(self) -> bool:
        collection = self._any()
        if collection is None:
            return False
        old = collection.name
        self._burst(collection, self._random.randint(0, 2))
        self._rename_to(collection, self._new_name("r"))
        self._burst(collection, self._random.randint(0, 2))
        if self._chance(0.3) and len(self._collections) < _MOST_COLLECTIONS:
            # The old name belongs to another one now.
            self._burst(self._create(collection.database, old), 2)
        elif self._chance(0.3):
            self._rename_to(collection, old)
            self._burst(collection, 1)
        return True

    def _swap_names(self) -> bool:
        one = self._any()
        if one is None:
            return False
        other = self._any(lambda c: c.database == one.database and c is not one)
        if other is None:
            return False
        name, other_name = one.name, other.name
        for collection in (one, other):
            self._burst(collection, self._random.randint(0, 2))
        self._rename_to(one, self._new_name("t"))
        self._rename_to(other, name)
        self._burst(other, self._random.randint(0, 2))
        self._rename_to(one, other_name)
        for collection in (one, other):
            self._burst(collection, self._random.randint(0, 2))
        return True

    def _take_freed_name(self) -> bool:
        """One is dropped, and another gets its name at once."""
        gone = self._any()
        if gone is None:
            return False
        heir = self._any(lambda c: c.database == gone.database and c is not gone)
        if heir is None:
            return False
        for collection in (gone, heir):
            self._burst(collection, self._random.randint(0, 2))
        self._drop(gone)
        self._rename_to(heir, gone.name)
        self._burst(heir, self._random.randint(0, 2))
        return True

    def _change_alias(self) -> bool:
        collection = self._any()
        if collection is None:
            return False
        owner = self._any(lambda c: c.database == collection.database and bool(c.aliases))
        if owner is None or self._chance(0.4):
            alias = self._new_name("alias")
            self._do(CreateAlias(collection.database, collection.name, alias))
            collection.aliases.add(alias)
            return True
        alias = self._random.choice(sorted(owner.aliases))
        owner.aliases.remove(alias)
        if self._chance(0.5):
            self._do(AlterAlias(collection.database, collection.name, alias))
            collection.aliases.add(alias)
        else:
            self._do(DropAlias(owner.database, alias))
        return True

    def _set_time_to_live(self) -> bool:
        collection = self._any()
        if collection is None:
            return False
        # Long enough that no row expires.
        self._do(SetTimeToLive(collection.database, collection.name, 1_000_000 + self._random.randint(0, 9)))
        return True

    def _change_database(self) -> bool:
        if self._second not in self._databases:
            self._do(CreateDatabase(self._second))
            self._databases.append(self._second)
            if self._chance(0.8) and len(self._collections) < _MOST_COLLECTIONS:
                self._burst(self._create(self._second, self._new_name("c")), 1)
            return True
        for collection in [c for c in self._collections if c.database == self._second]:
            self._drop(collection)
        self._do(DropDatabase(self._second))
        self._databases.remove(self._second)
        return self._change_database() if self._chance(0.4) else True

    def _pause_or_resume(self) -> bool:
        if not self._task or not self._server:
            return False
        self._do(ResumeTask() if self._paused else PauseTask())
        self._paused = not self._paused
        return True

    def _restart(self) -> bool:
        if not self._server:
            return False
        self._do(StopServer())
        self._server = False
        for _ in range(self._random.randint(0, 4)):
            self._scene()
        self._do(StartServer())
        self._server = True
        return True

    def _recreate_task(self) -> bool:
        """A new task cannot know what was dropped or renamed while there was none: that stays on the target. So of the catalog
        everything is there before; but rows are on their way when the old task ends, and go on when the new one begins."""
        if not self._moves:
            return False
        self._do(AwaitDrained())
        if "pauses" in self._with and self._chance(0.3):
            # What comes now has not been sent when the old task ends.
            self._do(PauseTask())
        self._more_rows()
        self._do(RecreateTask())
        self._more_rows()
        # Nor what is dropped or renamed before it has read the catalog.
        self._do(AwaitDrained())
        return True

    def _copy_again(self) -> bool:
        collection = self._any()
        if collection is None or not self._moves:
            return False
        if "flush" in self._with and self._chance(0.5):
            self._do(Flush(collection.database, collection.name))
        self._do(CopyAgain(collection.database, collection.name))
        if self._chance(0.7):
            self._burst(collection, self._random.randint(1, 3))
        return True

    def _set_aside(self) -> bool:
        """What happens to it meanwhile, and to the others, is on the target in the end."""
        collection = self._any()
        if collection is None or not self._moves:
            return False
        self._do(SetAside(collection.database, collection.name))
        for _ in range(self._random.randint(0, 3)):
            self._burst(collection, self._random.randint(1, 3))
            self._rows()
        if self._chance(0.2):
            self._drop(collection)
        else:
            self._do(Retry(collection.database, collection.name))
        return True

    def _more_rows(self) -> None:
        for _ in range(self._random.randint(0, 2)):
            self._rows()

    def _await_names(self) -> bool:
        if not self._moves:
            return False
        self._do(AwaitNames())
        return True

    def _finish(self) -> None:
        """Everything is loaded, so that everything can be read."""
        if self._paused:
            self._pause_or_resume()
        if not self._collections:
            self._new_collection()
        if self._chance(0.4):
            self._do(AwaitEqual())
        for collection in self._collections:
            if not collection.index:
                self._create_index(collection)
            self._load(collection)
        self._do(AwaitEqual())

    # -- steps --------------------------------------------------------------------------------------------------------

    def _burst(self, collection: _Collection, steps: int, partition: str | None = None) -> None:
        """Changes of rows that follow each other within a tick, mostly of the same keys."""
        if partition is None:
            partition = self._random.choice(sorted(collection.rows))
        keys = self._random.sample(range(_KEYS), self._random.randint(3, 12))
        for _ in range(steps):
            if collection.shape.auto_id:
                self._change_generated(collection, partition)
            else:
                self._change_rows(collection, partition, keys)

    def _change_rows(self, collection: _Collection, partition: str, keys: list[int]) -> None:
        here = collection.rows[partition]
        free = [key for key in keys if key not in collection.live]
        # A key lives in one partition at a time: what an upsert does with its other copies is not our subject.
        ours = [key for key in keys if key in here or key in free]
        choice = self._random.choice(["insert", "insert", "upsert", "upsert", "delete"])
        if choice == "insert" and not free:
            choice = "delete"
        if choice == "delete" and not here:
            choice = "upsert"
        if choice == "upsert" and not ours:
            return
        named = partition if partition != DEFAULT_PARTITION or self._chance(0.3) else ""
        where = (collection.database, collection.name, "" if collection.shape.key_partitions else named)
        if choice == "insert":
            version = self._next_version()
            self._do(Insert(*where, tuple(free), version, collection.shape))
            collection.write(partition, free, version)
        elif choice == "upsert":
            some = tuple(self._random.sample(ours, self._random.randint(1, len(ours))))
            version = self._next_version()
            self._do(Upsert(*where, some, version, collection.shape))
            collection.write(partition, some, version)
        else:
            some = tuple(self._random.sample(keys, self._random.randint(1, len(keys))))
            if self._chance(0.3):
                where = (collection.database, collection.name, "")
            self._do(Delete(*where, some, collection.shape))
            collection.delete(where[2], some)

    def _change_generated(self, collection: _Collection, partition: str) -> None:
        if collection.generated and self._chance(0.3):
            version, rows = self._random.choice(collection.generated)
            count = self._random.randint(1, rows)
            self._do(DeleteGenerated(collection.database, collection.name, version, count, collection.shape))
            return
        rows = self._random.randint(3, 20)
        version = self._next_version()
        name = "" if collection.shape.key_partitions else partition
        self._do(Insert(collection.database, collection.name, name, tuple(range(rows)), version, collection.shape))
        collection.generated.append((version, rows))

    def _create(self, database: str, name: str) -> _Collection:
        shape = Shape(
            text_key=self._chance(0.4),
            auto_id=self._chance(0.15),
            shards=2 if self._chance(0.35) else 1,
            key_partitions=self._random.randint(2, 6) if self._chance(0.12) else 0,
            text=self._chance(0.3),
        )
        self._do(CreateCollection(database, name, shape))
        collection = _Collection(database, name, shape)
        self._collections.append(collection)
        return collection

    def _drop(self, collection: _Collection) -> None:
        """Its aliases are dropped with it, before or after: one that stays may go on its own, sooner or later."""
        drops: list[Operation] = [DropAlias(collection.database, alias) for alias in sorted(collection.aliases)]
        drops.insert(self._random.randint(0, len(drops)), DropCollection(collection.database, collection.name))
        for operation in drops:
            self._do(operation)
        self._collections.remove(collection)

    def _rename_to(self, collection: _Collection, name: str) -> None:
        self._do(RenameCollection(collection.database, collection.name, name))
        collection.name = name

    def _create_partition(self, collection: _Collection, name: str) -> None:
        self._do(CreatePartition(collection.database, collection.name, name))
        collection.rows[name] = {}

    def _create_index(self, collection: _Collection) -> None:
        collection.index = self._new_name("index")
        self._do(
            CreateIndex(collection.database, collection.name, collection.index, *self._random.choice(_INDEXES))
        )

    def _load(self, collection: _Collection) -> None:
        """2.3.5 forgets partitions when it loads a collection of which some are loaded: queries then fail with
        "partition not loaded"."""
        if collection.loaded == "some":
            self._release(collection)
        self._do(Load(collection.database, collection.name))
        collection.loaded = "all"

    def _load_partitions(self, collection: _Collection, partitions: tuple[str, ...]) -> None:
        self._do(LoadPartitions(collection.database, collection.name, partitions))
        collection.loaded = collection.loaded or "some"

    def _release(self, collection: _Collection) -> None:
        self._do(Release(collection.database, collection.name))
        collection.loaded = ""

    # -- small things -------------------------------------------------------------------------------------------------

    @property
    def _moves(self) -> bool:
        return self._task and not self._paused and self._server

    def _do(self, operation: Operation) -> None:
        self._done.append(operation)

    def _chance(self, probability: float) -> bool:
        return self._random.random() < probability

    def _any(self, fits: Callable[[_Collection], bool] = lambda _: True) -> _Collection | None:
        fitting = [collection for collection in self._collections if fits(collection)]
        return self._random.choice(fitting) if fitting else None

    def _new_name(self, prefix: str) -> str:
        self._names += 1
        return f"{prefix}{self._names}"

    def _next_version(self) -> int:
        self._version += 1
        return self._version
