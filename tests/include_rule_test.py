"""Which room may include which: the one table, and the check that src/ keeps to it.

A room is a folder of src/, or a folder of such a folder that the table names (source/kafka). Its
testing/ folder and its tests follow the same rule, and may also use the fakes (testing/) of the
rooms they may include. Run with the path of the sources.
"""

import pathlib
import re
import sys
import tempfile
import unittest

SOURCES = {"source/catalog", "source/rocksmq", "source/kafka", "source/pulsar", "source/woodpecker", "source/snapshot",
           "source/query"}
SINKS = {"sink/api", "sink/standby"}
STORES = {"metastore/sqlite", "metastore/etcd", "metastore/mysql"}
# Those that bytes pass through. None sees another one's inside; `feed`, `rows` and `sink` join them.
STAGES = {"decode", "encode", "events"} | SOURCES | SINKS
VALUES = {"base", "wire", "model"}

# room -> rooms whose headers it may include, besides its own. Not inherited: what is not listed is
# not allowed.
ALLOWED = {
    "base": set(),
    "wire": {"base"},
    "model": {"base", "wire"},
    "http": {"base"},
    "etcd": {"base"},
    "kafka": {"base"},
    "milvus": VALUES,
    "source": {"base", "model"},
    "source/catalog": {"base", "model", "etcd", "source"},
    "source/rocksmq": VALUES | {"source"},
    "source/kafka": {"base", "model", "kafka", "source"},
    "source/pulsar": VALUES | {"source"},
    "source/storage": {"base"},
    "source/woodpecker": VALUES | {"source", "etcd", "source/storage"},
    "source/checkpoint": {"base", "model", "etcd"},
    "source/snapshot": VALUES | {"source", "etcd", "source/storage", "source/checkpoint"},
    "source/query": VALUES | {"source", "etcd", "milvus", "source/checkpoint"},
    "decode": VALUES,
    "feed": {"base", "model", "source", "decode"},
    "scope": {"base", "model"},
    "metastore": {"base", "model"},
    "metastore/sqlite": {"base", "model", "metastore"},
    "metastore/records": {"base", "model", "metastore"},
    "metastore/legacy": {"base", "model", "metastore", "metastore/records"},
    "metastore/etcd": {"base", "model", "etcd", "metastore", "metastore/records", "metastore/legacy"},
    "metastore/portable": {"base", "model", "metastore", "metastore/records"},
    "metastore/mysql": {"base", "model", "metastore", "metastore/records", "metastore/legacy"},
    "metastore/sealed": {"base", "model", "metastore", "metastore/sqlite"},  # metastore/sqlite: for its tests
    "progress": {"base", "model", "metastore"},
    "encode": VALUES,
    "events": VALUES,
    "sink": {"base", "model", "encode"},
    "sink/access": {"base", "model", "milvus", "sink"},
    "sink/api": {"base", "model", "milvus", "encode", "sink", "sink/access"},
    "sink/standby": VALUES | {"milvus", "encode", "sink", "sink/access"},
    "rows": VALUES | {"source", "decode", "encode", "feed", "scope", "metastore", "progress", "sink"},
    "snapshot": VALUES | {"source", "decode", "metastore", "progress", "sink", "rows"},
    "reconcile/plan": {"base", "model", "sink"},
    "reconcile/access": {"base", "model", "scope", "metastore", "progress", "sink"},
    "reconcile": {"base", "model", "source", "scope", "metastore", "progress", "rows", "sink",
                  "reconcile/plan", "reconcile/access"},
    "pipeline": {"base", "model", "milvus", "source", "feed", "scope", "metastore", "progress", "sink", "rows",
                 "reconcile", "reconcile/plan", "reconcile/access", "snapshot"},
    "control": {"base", "model", "metastore", "scope", "pipeline"},
    "api": {"base", "model", "metastore", "scope", "control", "http"},  # metastore: its fake
    "api/rest": {"base", "model", "metastore", "scope", "control", "http", "api"},
    "cli/view": {"base"},
    "cli": {"base", "cli/view"},
    "server": {"base", "model", "etcd", "metastore", "pipeline", "control", "api", "api/rest", "cli", "cli/view", "http",
               "source", "source/storage", "sink", "metastore/portable", "metastore/sealed"}
              | SOURCES | SINKS | STORES,
}

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^">]+)[">]', re.MULTILINE)
SUFFIXES = {".h", ".cc"}


def room_of(folders):
    """The room that these folders, from src/ on, belong to; without one, the first folder."""
    nested = "/".join(folders[:2])
    return nested if nested in ALLOWED else folders[0]


def violations(src):
    """One sentence for each include that is not allowed, by file and line."""
    found = []
    rooms = {path.name for path in src.iterdir() if path.is_dir()}
    for room in sorted(rooms - ALLOWED.keys()):
        if any(path.suffix in SUFFIXES for path in (src / room).rglob("*")):
            found.append(f"src/{room}: the room is not in the table of tests/include_rule_test.py")
    for path in sorted(src.rglob("*")):
        if path.suffix not in SUFFIXES:
            continue
        parts = path.relative_to(src).parts
        room = room_of(parts[:-1])
        if room not in ALLOWED:
            continue
        text = path.read_text(encoding="utf-8")
        for match in INCLUDE.finditer(text):
            included = match.group(1)
            target = room_of(included.split("/")[:-1] or [""])
            where = f"src/{path.relative_to(src)}:{text.count(chr(10), 0, match.start(1)) + 1}"
            if included.startswith("."):
                found.append(f'{where}: "{included}": write the path from src/')
            elif included.split("/")[0] not in rooms:
                continue  # a header of a library
            elif target != room and target not in ALLOWED[room]:
                found.append(f"{where}: {room} must not include {included}")
            elif is_fake(included) and not (path.stem.endswith("_test") or "testing" in parts):
                found.append(f"{where}: {included} is only for tests")
    return found


def is_fake(included):
    return "testing" in included.split("/")[:-1]


class TableTest(unittest.TestCase):
    def test_is_closed_and_has_no_cycle(self):
        done = set()
        while len(done) < len(ALLOWED):
            ready = {room for room in ALLOWED if room not in done and ALLOWED[room] <= done}
            self.assertTrue(ready, f"a cycle among {ALLOWED.keys() - done}")
            done |= ready

    def test_stages_do_not_see_each_other(self):
        for stage in STAGES - SINKS:
            self.assertFalse(ALLOWED[stage] & STAGES, stage)
        for sink in SINKS:
            self.assertEqual(ALLOWED[sink] & STAGES, {"encode"}, sink)


class CheckTest(unittest.TestCase):
    """The check itself can fail."""

    def check(self, files):
        with tempfile.TemporaryDirectory() as folder:
            src = pathlib.Path(folder)
            for room in ALLOWED:
                (src / room).mkdir(parents=True, exist_ok=True)
            for name, text in files.items():
                (src / name).parent.mkdir(parents=True, exist_ok=True)
                (src / name).write_text(text, encoding="utf-8")
            return violations(src)

    def test_allowed(self):
        self.assertEqual(self.check({
            "model/a.cc": '#include "model/a.h"\n#include <vector>\n#include "base/status.h"\n',
            "control/a_test.cc": '#include "metastore/testing/fake.h"\n',
            "source/a.cc": '#include <rocksdb/db.h>\n#include <grpcpp/grpcpp.h>\n',
            "source/kafka/a.cc": '#include "source/log.h"\n#include "source/kafka/testing.h"\n',
        }), [])

    def test_forbidden(self):
        self.assertEqual(self.check({"decode/a.cc": '#include "base/a.h"\n#include "source/log.h"\n'}),
                         ["src/decode/a.cc:2: decode must not include source/log.h"])
        for file, include in [("base/a.h", "model/ids.h"), ("sink/a.h", "decode/a.h"),
                              ("control/a.cc", "sink/target.h"), ("pipeline/a.cc", "control/a.h"),
                              ("etcd/a.cc", "model/ids.h"), ("encode/a_test.cc", "decode/a.h"),
                              ("rows/a.h", "snapshot/a.h"), ("progress/a.h", "rows/a.h"),
                              ("sink/api/a.h", "sink/standby/a.h"), ("reconcile/a.h", "milvus/a.h"),
                              ("reconcile/plan/a.h", "rows/a.h"), ("cli/view/a.h", "cli/a.h"),
                              ("source/kafka/a.h", "source/rocksmq/a.h"),
                              ("feed/a.h", "source/kafka/a.h"), ("source/a.h", "source/kafka/a.h"),
                              ("source/kafka/testing/a.h", "feed/a.h"),
                              ("sink/testing/a.h", "pipeline/a.h")]:
            self.assertEqual(len(self.check({file: f"  # include <{include}>\n"})), 1, file)

    def test_fake_in_production(self):
        self.assertEqual(len(self.check({"control/a.cc": '#include "metastore/testing/f.h"\n'})), 1)

    def test_relative_path(self):
        self.assertEqual(len(self.check({"control/a.cc": '#include "../sink/target.h"\n'})), 1)

    def test_unknown_room(self):
        self.assertEqual(len(self.check({"utils/a.h": "\n"})), 1)


class SourceTest(unittest.TestCase):
    src = None

    def test_rooms_include_only_what_they_may(self):
        found = violations(self.src)
        self.assertFalse(found, "\n" + "\n".join(found))


if __name__ == "__main__":
    SourceTest.src = pathlib.Path(sys.argv.pop(1)).resolve()
    if not SourceTest.src.joinpath("base").is_dir():
        sys.exit(f"no sources in {SourceTest.src}")
    unittest.main()
