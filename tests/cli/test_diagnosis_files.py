"""`pixelwise doctor`: files in places where others belong, and files that cannot be read."""

from __future__ import annotations

import pytest

from tests.cli.test_diagnosis import doctor, faults
from tests.cli.test_diagnosis import house as house
from tests.cli.test_diagnosis import in_order as in_order
from tests.installation import Installation

pytestmark = pytest.mark.long


def test_a_file_in_the_place_of_models_is_a_fault_that_moving_it_away_mends(house: Installation):
    away = house.root / "away"
    house.models.rename(away)
    house.models.write_text("x")
    code, checks = doctor(house)
    assert (code, faults(checks)) == (3, {"models": f"move {house.models} away"})
    done = house.pixelwise("pull")
    assert done.returncode == 3 and "Traceback" not in done.stderr
    assert f"{house.models}: a file where a folder belongs" in done.stderr and "Move that file away" in done.stderr
    house.models.unlink()
    away.rename(house.models)
    assert doctor(house)[0] == 0


def test_flags_that_cannot_be_read_are_a_fault_that_moving_them_away_mends(house: Installation):
    file = house.root / "data/flags.json"
    file.write_text("{")
    code, checks = doctor(house)
    assert (code, faults(checks)) == (3, {"flags": f"mend {file}, or move it away"})
    assert "flag file flags.json: no JSON" in checks["flags"]["found"]
    file.write_text('{"flags": {}}')
    code, checks = doctor(house)
    assert (code, checks["flags"]["healthy"]) == (0, True)


def test_a_broken_record_is_a_fault_of_its_release_and_not_of_the_settings(house: Installation):
    (house.models / "v1.0" / "record.json").write_text("{")
    _, checks = doctor(house)
    assert faults(checks) == {"release": "pixelwise pull"}
