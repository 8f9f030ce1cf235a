"""The risk bench: the list split without loss, planted estates found."""

from pathlib import Path

import pytest

from tests.bench.risk import madeup, newyork, quiet


def test_the_list_is_read_without_the_year_judged(tmp_path: Path) -> None:
    path = tmp_path / "heat.csv"
    path.write_text(
        "borough,zip,incident_address,heat_2020,heat_2021,lat,lon,boro_cd\n"
        "BRONX,10451,1 A STREET,0.0,6.0,40.8,-73.9,204.0\nBRONX,10451,2 A STREET,3.0,1.0,40.81,-73.91,204.0\n"
    )
    city = newyork.read(path)
    assert city.history["incidents"].tolist() == [0, 3]
    assert city.came.tolist() == [6, 1]
    known = city.only(city.before > 0)
    assert known.estates["estate"].tolist() == known.history["estate"].tolist() == ["e00001"]


def test_effects_asked_for_are_those_of_the_simulation() -> None:
    found = madeup.wanted().set_index(["category", "term", "level"])["true"]
    assert found["H1", "heat_type", "自采暖"] == -2
    assert found["5A", "fees_unpaid", "10 points"] == pytest.approx(0.2)
    assert found["6A", "owners_body", "业委会"] == -0.6


def test_planted_silent_estates_are_found_within_the_default_share() -> None:
    said = quiet.found(0, ("1B", "2A", "2C", "5A", "H1", "H2"), 1.0, 0.0)
    chosen = said[said["in_plan"]]
    assert len(chosen) >= 10
    assert chosen["planted"].mean() >= 0.6
    assert not said.loc[said["planted"], "in_plan"].all()  # six categories cannot tell them all
