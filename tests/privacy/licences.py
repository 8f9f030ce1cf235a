"""uv.lock and the installed packages -> docs/licences.md: what each package that runs with weisu allows.

`make licences` writes it again.
"""

import tomllib
from email.message import Message
from importlib import metadata
from pathlib import Path
from typing import Any, cast

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/licences.md"
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


def running() -> list[str]:
    """Packages that weisu needs at run time, its extras included, as far as they are made for this system."""
    by_name = {package["name"]: package for package in locked()}
    root = by_name["weisu"]
    wanted = [*root["dependencies"], *(need for extra in root["optional-dependencies"].values() for need in extra)]
    seen: set[str] = set()
    while wanted:
        need = wanted.pop()
        package = by_name[need["name"]]
        extras = [more for extra in need.get("extra", ()) for more in package["optional-dependencies"][extra]]
        wanted += extras
        if need["name"] not in seen:
            seen.add(need["name"])
            wanted += package.get("dependencies", [])
    here = {name for name in seen if any(metadata.distributions(name=name))}
    return sorted(here)


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
    version = {package["name"]: package.get("version", "") for package in locked()}
    return HEAD + "".join(f"| {name} | {version[name]} | {licence(name)} |\n" for name in running())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
