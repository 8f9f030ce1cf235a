"""uv.lock and the installed packages -> docs/licences.md: what each package that runs with weisu allows.

`make licences` writes it again.
"""

import tomllib
from email.message import Message
from importlib import metadata
from pathlib import Path
from typing import Any, cast

from packaging.markers import Marker

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/licences.md"
MACHINE = {
    "python_version": "3.11",
    "python_full_version": "3.11.7",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "implementation_name": "cpython",
    "os_name": "posix",
}
HEAD = """# Licences

Every package that runs with weisu, as locked in `uv.lock` and as its own metadata say; `make licences` writes this
page, a test holds it current. Packages of tests and of the bench are not among them. None is under GPL or AGPL. One
under the LGPL may be used, and replaced, as a library of its own; weisu does not change it.

| package | version | licence |
|---|---|---|
"""


def locked() -> list[dict[str, Any]]:
    """Every package of the lock."""
    found: list[dict[str, Any]] = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
    return found


def running() -> dict[str, str]:
    """Name -> version of what weisu needs at run time, its extras included, on a machine as `MACHINE` says.

    What else is installed does not matter: the page is the same on every machine.
    """
    lock: dict[str, list[dict[str, Any]]] = {}
    for package in locked():
        lock.setdefault(package["name"], []).append(package)
    (root,) = lock["weisu"]
    wanted = [*root["dependencies"], *(need for extra in root["optional-dependencies"].values() for need in extra)]
    seen: dict[str, str] = {}
    while wanted:
        need = wanted.pop()
        if "marker" in need and not Marker(need["marker"]).evaluate(MACHINE):
            continue
        package = next(one for one in lock[need["name"]] if one["version"] == need.get("version", one["version"]))
        for extra in need.get("extra", ()):
            wanted += package["optional-dependencies"][extra]
        if need["name"] not in seen:
            seen[need["name"]] = package["version"]
            wanted += package.get("dependencies", [])
    return dict(sorted(seen.items()))


def licence(name: str) -> str:
    """What a package's metadata call its licence."""
    said = cast(Message, metadata.metadata(name))
    if expression := said.get("License-Expression"):
        return str(expression)
    named = [line.split(" :: ")[-1] for line in said.get_all("Classifier") or () if line.startswith("License ::")]
    first = str(said.get("License") or "").strip().split("\n")[0]
    return " / ".join(name for name in named if name != "OSI Approved") or first[:60] or "?"


def page() -> str:
    """The whole page."""
    return HEAD + "".join(f"| {name} | {version} | {licence(name)} |\n" for name, version in running().items())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
