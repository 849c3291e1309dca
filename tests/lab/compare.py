"""Says in which points a target differs from its source: catalogs first, then all rows of all fields by key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import grpc

from .catalog import Collection, read_aliases, read_collection, read_collections, read_databases
from .rows import Endpoint, MilvusError, read_rows


@dataclass(frozen=True)
class TargetKind:
    """What a kind of target keeps of a collection; what it does not keep is not compared."""

    # Shards, description, consistency level, the number of partitions of a partition key, the limit of an array's texts.
    keeps_details: bool = True
    # Without it, the aliases of a collection are not among what describes it, but have a list of their own.
    describes_aliases: bool = True
    # Without it, all partitions are loaded as soon as one is, a collection without an index is always loaded, and
    # count(*) cannot be asked of one partition.
    loads_partitions: bool = True
    # Without it, an index is known by its field and only its type and metric are shown; fields other than vectors may
    # lack theirs.
    keeps_indexes: bool = True


MILVUS = TargetKind()
# Whoever compares on Milvus Lite is a client beside the task. After a rename or a restart of Lite the first look at a collection must
# not meet the task's writes (World.let_lite_settle): Lite opens it twice then, and count(*) and queries lack acknowledged rows.
LITE = TargetKind(keeps_details=False, describes_aliases=False, loads_partitions=False, keeps_indexes=False)


@dataclass
class Comparison:
    """The answer for one collection."""

    source: Collection | None
    target: Collection | None
    differences: list[str]
    source_rows: int | None = None
    target_rows: int | None = None
    source_digest: str = ""
    target_digest: str = ""

    @property
    def equal(self) -> bool:
        return not self.differences


def compare_collection(
    source: Endpoint,
    target: Endpoint,
    collection: str,
    database: str = "default",
    *,
    target_database: str | None = None,
    target_collection: str | None = None,
    kind: TargetKind = MILVUS,
    rows: bool = True,
    counts: bool = True,
) -> Comparison:
    """Compares one collection. Cheap checks come first, and rows are read only when those agree.

    Without `counts`, copies of a row on the target are not a difference: count(*) sees them, reading by key does not.
    """
    there, name = target_database or database, target_collection or collection
    a = read_collection(source, database, collection)
    b = read_collection(target, there, name)
    if not kind.describes_aliases:
        b.aliases = read_aliases(target, there, name)
    result = Comparison(a, b, describe_differences(a, b, kind))
    if result.differences or not rows or not a.loaded_partitions:
        return result
    # Only loaded partitions can be read, and the load state is the source's to decide.
    here = a.loaded_partitions
    there_partitions = b.loaded_partitions if a.has_partition_key else here
    if kind.loads_partitions or len(here) == len(a.partitions):
        result.source_rows = _count(source, a, here)
        result.target_rows = _count(target, b, there_partitions)
    if counts and result.source_rows != result.target_rows:
        result.differences.append(f"count(*): {result.source_rows} on the source, {result.target_rows} on the target")
        return result
    by_partition = not a.has_partition_key
    mine = read_rows(source, database, collection, a.schema, here, by_partition=by_partition)
    theirs = read_rows(target, there, name, b.schema, there_partitions, by_partition=by_partition)
    if result.source_rows is None:
        result.source_rows, result.target_rows = len(mine), len(theirs)
    result.source_digest, result.target_digest = mine.digest(), theirs.digest()
    for partition in sorted(mine.partitions.keys() | theirs.partitions.keys()):
        result.differences += _row_differences(
            partition, mine.partitions.get(partition, {}), theirs.partitions.get(partition, {})
        )
    return result


def compare_all(
    source: Endpoint,
    target: Endpoint,
    *,
    kind: TargetKind = MILVUS,
    databases: Iterable[str] | None = None,
    mapping: Mapping[str, str] | None = None,
) -> dict[str, Comparison]:
    """Compares every collection of every database (or the given ones); the keys are `database.collection`, as on the
    source. `mapping` tells the databases that have another name on the target."""
    result: dict[str, Comparison] = {}
    target_names = mapping or {}
    source_names = {there: here for here, there in target_names.items()}
    mine = set(read_databases(source))
    theirs = {source_names.get(name, name) for name in read_databases(target)}
    wanted = set(databases) if databases is not None else mine | theirs
    for database in sorted(wanted):
        if database in mine and database in theirs:
            result |= _compare_database(source, target, database, target_names.get(database, database), kind)
        elif database in mine or database in theirs:
            where = "source" if database in mine else "target"
            result[f"{database}.*"] = Comparison(None, None, [f"the database is only on the {where}"])
    return result


def _compare_database(
    source: Endpoint, target: Endpoint, database: str, target_database: str, kind: TargetKind
) -> dict[str, Comparison]:
    result: dict[str, Comparison] = {}
    try:
        here, there = read_collections(source, database), read_collections(target, target_database)
    except MilvusError as error:
        return {f"{database}.*": Comparison(None, None, [f"cannot be read: {error}"])}
    for name in sorted({*here, *there}):
        label = f"{database}.{name}"
        if name not in there:
            result[label] = Comparison(None, None, ["missing on the target"])
        elif name not in here:
            result[label] = Comparison(None, None, ["not on the source any more"])
        else:
            result[label] = _compare_one(source, target, database, name, target_database, kind)
    return result


def _compare_one(
    source: Endpoint, target: Endpoint, database: str, name: str, target_database: str, kind: TargetKind
) -> Comparison:
    try:
        return compare_collection(source, target, name, database, target_database=target_database, kind=kind)
    except (MilvusError, grpc.RpcError) as error:
        # E.g. dropped between two calls. Whoever waits for equality asks again.
        return Comparison(None, None, [f"cannot be read: {error}"])


def describe_differences(source: Collection, target: Collection, kind: TargetKind) -> list[str]:
    """The differences of two collections apart from their rows, as sentences."""
    found: list[str] = []

    def check(what: str, here: object, there: object) -> None:
        if here != there:
            found.append(f"{what}: {here} on the source, {there} on the target")

    for name in sorted(source.fields.keys() | target.fields.keys()):
        here, there = source.fields.get(name), target.fields.get(name)
        if not kind.keeps_details and here and here["type"] == "Array":
            params = {key: value for key, value in here["params"].items() if key != "max_length"}
            here = {**here, "params": params}
        check(f"field {name}", here, there)
    check("order of fields", list(source.fields), list(target.fields))
    check("dynamic field", source.dynamic, target.dynamic)
    check("properties", source.properties, target.properties)
    check("aliases", source.aliases, target.aliases)
    if kind.keeps_details:
        check("description", source.description, target.description)
        check("shards", source.shards, target.shards)
        check("consistency level", source.consistency, target.consistency)
    if kind.loads_partitions or source.indexes:
        check("load state", source.loaded, target.loaded)
    for where, side in (("source", source), ("target", target)):
        if "loading" in (side.loaded, *side.partitions.values()):
            found.append(f"still loading on the {where}")
    if source.has_partition_key:
        if kind.keeps_details:
            check("number of partitions", len(source.partitions), len(target.partitions))
    else:
        check("partitions", sorted(source.partitions), sorted(target.partitions))
        if kind.loads_partitions:
            for name in sorted(source.partitions.keys() & target.partitions.keys()):
                check(f"load state of partition {name}", source.partitions[name], target.partitions[name])
    mine, theirs = _indexes(source, kind), _indexes(target, kind)
    for name in sorted(mine.keys() | theirs.keys()):
        check(f"index {name}", mine.get(name), theirs.get(name))
    return found


def _indexes(collection: Collection, kind: TargetKind) -> dict[str, dict[str, str]]:
    if kind.keeps_indexes:
        return collection.indexes
    shown = ("field", "index_type", "metric_type")
    return {
        f"of field {index['field']}": {key: index[key] for key in shown if key in index}
        for index in collection.indexes.values()
        if "dim" in collection.fields[index["field"]]["params"]
    }


def _count(endpoint: Endpoint, collection: Collection, partitions: list[str]) -> int:
    if len(partitions) == len(collection.partitions):
        return endpoint.count(collection.database, collection.name)
    return sum(endpoint.count(collection.database, collection.name, name) for name in partitions)


def _row_differences(partition: str, mine: dict, theirs: dict) -> list[str]:
    if mine == theirs:
        return []
    missing = [key for key in mine if key not in theirs]
    extra = [key for key in theirs if key not in mine]
    changed = [key for key in mine if key in theirs and mine[key] != theirs[key]]
    label = f"rows of partition {partition}" if partition else "rows"
    result = []
    for what, keys in (("missing on the target", missing), ("only on the target", extra), ("different", changed)):
        if keys:
            result.append(f"{label}: {len(keys)} {what}, e.g. {sorted(keys)[:5]}")
    return result
