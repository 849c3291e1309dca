"""What the scripts that unpack wheels share."""

import pathlib
import zipfile
from collections.abc import Callable


def unpack(wheel: str, out: str, target: Callable[[str], str | None]) -> None:
    """Writes files of the wheel below `out`; `target` gives the path of each there, or None for those that are not
    wanted."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            path = target(name)
            if path is not None:
                file = pathlib.Path(out, path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(archive.read(name))
