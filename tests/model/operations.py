"""What can happen to a source and to the task that replicates it. Plain values; `str` of one is a line of a report."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

DEFAULT_PARTITION = "_default"


@dataclass(frozen=True)
class Shape:
    """What a collection is made of, besides `vector` and the dynamic field. Lives of one name differ in it."""

    text_key: bool = False
    auto_id: bool = False
    shards: int = 1
    # Of a partition key; 0: there is none.
    key_partitions: int = 0
    # A further field.
    text: bool = False

    def __str__(self) -> str:
        parts = ["varchar key" if self.text_key else "int64 key"]
        parts += ["auto"] if self.auto_id else []
        parts += [f"{self.shards} shards"] if self.shards > 1 else []
        parts += [f"partition key of {self.key_partitions}"] if self.key_partitions else []
        parts += ["text"] if self.text else []
        return f"({', '.join(parts)})"


@dataclass(frozen=True)
class Operation:
    def __str__(self) -> str:
        return " ".join([_words(type(self).__name__), *(_shown(f.name, getattr(self, f.name)) for f in fields(self))])


@dataclass(frozen=True)
class OnCollection(Operation):
    database: str
    collection: str

    def __str__(self) -> str:
        rest = (_shown(f.name, getattr(self, f.name)) for f in fields(self)[2:])
        return " ".join([_words(type(self).__name__), f"{self.database}.{self.collection}", *rest])


# -- the catalog ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CreateDatabase(Operation):
    database: str


@dataclass(frozen=True)
class DropDatabase(Operation):
    database: str


@dataclass(frozen=True)
class CreateCollection(OnCollection):
    shape: Shape


@dataclass(frozen=True)
class DropCollection(OnCollection):
    pass


@dataclass(frozen=True)
class RenameCollection(OnCollection):
    to: str


@dataclass(frozen=True)
class CreatePartition(OnCollection):
    partition: str


@dataclass(frozen=True)
class DropPartition(OnCollection):
    partition: str


@dataclass(frozen=True)
class CreateAlias(OnCollection):
    alias: str


@dataclass(frozen=True)
class AlterAlias(OnCollection):
    alias: str


@dataclass(frozen=True)
class DropAlias(Operation):
    database: str
    alias: str


@dataclass(frozen=True)
class SetTimeToLive(OnCollection):
    seconds: int


@dataclass(frozen=True)
class CreateIndex(OnCollection):
    index: str
    index_type: str
    metric: str


@dataclass(frozen=True)
class DropIndex(OnCollection):
    index: str


@dataclass(frozen=True)
class Load(OnCollection):
    """Asked for, not waited for; so are the other three."""


@dataclass(frozen=True)
class Release(OnCollection):
    pass


@dataclass(frozen=True)
class LoadPartitions(OnCollection):
    partitions: tuple[str, ...]


@dataclass(frozen=True)
class ReleasePartitions(OnCollection):
    partitions: tuple[str, ...]


# -- rows -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Insert(OnCollection):
    """`version` is in every row and belongs to this operation alone, so a row tells where it comes from. With automatic
    keys, `keys` only count the rows."""

    partition: str  # "": not named
    keys: tuple[int, ...]
    version: int
    shape: Shape = field(repr=False)


@dataclass(frozen=True)
class Upsert(Insert):
    pass


@dataclass(frozen=True)
class Delete(OnCollection):
    partition: str
    keys: tuple[int, ...]
    shape: Shape = field(repr=False)


@dataclass(frozen=True)
class DeleteGenerated(OnCollection):
    """The first rows that the insert of this version got keys for."""

    version: int
    count: int
    shape: Shape = field(repr=False)


@dataclass(frozen=True)
class Flush(OnCollection):
    pass


# -- the task, and time -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CreateTask(Operation):
    start_from: str = "earliest"


@dataclass(frozen=True)
class RecreateTask(Operation):
    """Deleted, and at once created as it was, from the beginning: the target holds what the first one has written, and may
    still be working on what it was sent."""


@dataclass(frozen=True)
class PauseTask(Operation):
    pass


@dataclass(frozen=True)
class ResumeTask(Operation):
    pass


@dataclass(frozen=True)
class CopyAgain(OnCollection):
    """What is stored of it is copied into what the target has, while the others go on."""


@dataclass(frozen=True)
class SetAside(OnCollection):
    """The task leaves it where it is."""


@dataclass(frozen=True)
class Retry(OnCollection):
    """It goes on from there."""


@dataclass(frozen=True)
class StopServer(Operation):
    """A clean stop. Other seeds go on without the server, too."""


@dataclass(frozen=True)
class StartServer(Operation):
    pass


@dataclass(frozen=True)
class LetPass(Operation):
    milliseconds: int


@dataclass(frozen=True)
class AwaitNames(Operation):
    """Until the target has the databases, collections and partitions that the source has."""


@dataclass(frozen=True)
class AwaitDrained(Operation):
    """Until the target has all that the source has had by now, its catalog too."""


@dataclass(frozen=True)
class AwaitEqual(Operation):
    """Until the target is equal to the source in everything that can be read."""


def _words(name: str) -> str:
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()


def _shown(name: str, value: Any) -> str:
    if isinstance(value, Shape):
        return str(value)
    if name == "keys":
        return f"keys {_ranges(value)}"
    if name == "partition":
        return f"partition {value}" if value else ""
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return f"{name} {value}" if isinstance(value, int) or name == "to" else str(value)


def _ranges(keys: tuple[int, ...]) -> str:
    """1,2,3,7 -> 1-3,7"""
    parts: list[list[int]] = []
    for key in sorted(keys):
        if parts and parts[-1][-1] == key - 1:
            parts[-1][1:] = [key]
        else:
            parts.append([key])
    return ",".join("-".join(map(str, part)) for part in parts)
