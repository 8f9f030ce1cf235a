"""A folder and a fault -> a layer under this process that lets the N-th call to the disk in that folder fail or kill.

It stands in for the disk, between Python and the kernel: what Arrow writes in C++ goes through it too. `Layer.calls`
tells of every call in order, from which the order of write, fsync and rename can be read.
"""

import errno
import io
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

KINDS = ("kill", "full", "ENOSPC", "EIO")
"""kill: the process dies in the call, a write half done. full: this write and all later ones find no space.
ENOSPC, EIO: this call alone fails, a write half done."""

CREATES = ("open", "write", "mkdir", "symlink")
"""Calls that want space."""


@dataclass(frozen=True)
class Call:
    """`name`: open, write, fsync, mkdir, symlink, rename, unlink. `path` and `to` are relative to the folder."""

    name: str
    path: str
    to: str = ""


@dataclass
class Layer:
    """at: number of the call, from 1, that fails; 0 none."""

    root: Path
    kind: str = ""
    at: int = 0
    calls: list[Call] = field(default_factory=list)

    def meet(self, name: str, path: Any, to: Any = None, half: Callable[[], object] = lambda: None) -> None:
        """Note a call and let it fail if it is its turn; `half` does a part of it first."""
        mine = self._inside(path)
        if mine is None:
            return
        self.calls.append(Call(name, mine, (self._inside(to) or "") if to is not None else ""))
        turn = len(self.calls)
        if self.kind == "full" and self.at and turn >= self.at and name in CREATES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        if turn != self.at or self.kind == "full":
            return
        half()
        if self.kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        number = errno.EIO if self.kind == "EIO" else errno.ENOSPC
        raise OSError(number, os.strerror(number), str(path))

    def _inside(self, path: Any) -> str | None:
        full = os.path.abspath(os.fspath(path))  # noqa: PTH100 - a link stays a link
        root = str(self.root)
        return full[len(root) + 1 :] if full.startswith(root + "/") else None


def install(layer: Layer) -> None:
    """Put the layer under this process; it stays until the process ends."""
    _files(layer)
    _names(layer)
    _tables()


def _files(layer: Layer) -> None:
    plain = io.open

    class Raw(io.FileIO):
        def write(self, data: Any) -> int:
            def half() -> None:
                io.FileIO.write(self, bytes(data)[: len(data) // 2])

            layer.meet("write", self.name, half=half)
            return super().write(data) or 0

    def opened(file: Any, mode: str = "r", buffering: int = -1, encoding: Any = None, errors: Any = None,
               newline: Any = None, closefd: bool = True, opener: Any = None) -> Any:  # fmt: skip
        if isinstance(file, int) or not set(mode) & set("wxa+") or layer._inside(file) is None:
            return plain(file, mode, buffering, encoding, errors, newline, closefd, opener)
        layer.meet("open", file)
        raw = Raw(os.fspath(file), mode.replace("b", "").replace("t", ""))
        if buffering == 0:
            return raw
        whole = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        return whole if "b" in mode else io.TextIOWrapper(whole, encoding or "utf-8", errors, newline)

    io.open = opened


def _names(layer: Layer) -> None:
    def one(name: str, told: str) -> None:
        plain = getattr(os, name)

        def call(path: Any, *args: Any, **options: Any) -> Any:
            if not options:  # shutil.rmtree names files by folder handles; what it leaves, the next job clears
                link = name == "symlink"
                layer.meet(told, args[0] if link else path, args[0] if told == "rename" else None)
            return plain(path, *args, **options)

        setattr(os, name, call)

    for name, told in (("mkdir", "mkdir"), ("symlink", "symlink"), ("unlink", "unlink")):
        one(name, told)
    for name in ("rename", "replace"):
        one(name, "rename")
    forced = os.fsync

    def fsync(handle: int) -> None:
        layer.meet("fsync", Path(f"/proc/self/fd/{handle}").readlink())
        forced(handle)

    os.fsync = fsync  # type: ignore[assignment]


def _tables() -> None:
    from pipelines import store

    plain = store.pq.write_table

    def write_table(table: Any, where: Any, **options: Any) -> None:
        if not isinstance(where, (str, os.PathLike)):
            plain(table, where, **options)
            return
        sink = io.BytesIO()
        plain(table, sink, **options)
        with io.open(where, "wb") as file:  # noqa: UP020 - the layer's
            file.write(sink.getvalue())

    store.pq.write_table = write_table
