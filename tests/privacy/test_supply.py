"""What weisu stands on: locked with hashes, from one place, under licences that let it be passed on."""

import re
import sys
from importlib.metadata import version

from tests.conftest import ROOT
from tests.privacy import licences


def test_every_package_is_locked_with_a_hash_and_comes_from_pypi() -> None:
    packages = [package for package in licences.locked() if package["name"] != "weisu"]
    assert len(packages) > 100
    for package in packages:
        assert package["source"] == {"registry": "https://pypi.org/simple"}, package["name"]
        files = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else [])]
        assert files, package["name"]
        for file in files:
            assert re.fullmatch(r"sha256:[0-9a-f]{64}", file["hash"]), package["name"]
            assert file["url"].startswith("https://files.pythonhosted.org/"), package["name"]


def test_the_page_of_licences_is_current() -> None:
    assert licences.PAGE.read_text(encoding="utf-8") == licences.page()


def test_what_is_listed_is_what_is_needed_here_and_not_what_happens_to_be_installed() -> None:
    needed = licences.running()
    assert "tzdata" not in needed  # Windows alone needs it; a tool of the tests may bring it
    installed = {name: version(name) for name in needed if sys.version_info[:2] == (3, 11)}
    assert {name: found for name, found in installed.items() if found != needed[name]} == {}


def test_no_licence_forbids_passing_it_on() -> None:
    found = {name: licences.licence(name) for name in licences.running()}
    assert len(found) > 40
    assert not [name for name, said in found.items() if said == "?"]
    strict = {name for name, said in found.items() if re.search(r"(?<!L)\bA?GPL|General Public", said)}
    assert {name for name in strict if "Lesser" not in found[name]} == set()


def test_the_check_of_licences_can_fail() -> None:
    assert re.search(r"(?<!L)\bA?GPL|General Public", "GPL-3.0-only")
    assert not re.search(r"(?<!L)\bA?GPL|General Public", "LGPL-3.0-only")


def test_make_has_the_audits_and_ci_runs_them() -> None:
    make = (ROOT / "Makefile").read_text(encoding="utf-8")
    ci = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert {"audit", "sbom", "licences"} <= set(re.findall(r"^(\w+):", make, re.MULTILINE))
    assert "make audit" in ci
