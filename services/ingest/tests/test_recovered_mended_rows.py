"""Refused rows after a restore: what they were refused for was not published."""

import pytest

from services.ingest.tests.backups import BackedUpIngest
from services.ingest.tests.factories import roster
from services.ingest.tests.test_mended_rows import child_of, download, of, send

pytestmark = pytest.mark.database


def test_refused_rows_are_mended_after_a_restore_also_in_their_employee(
    backed_up: BackedUpIngest,
) -> None:
    backup = backed_up.back_up()
    wrong = of("EMP-restored-2", "11110002", {"Employee/DOB": "1988-03-10"})
    ready = backed_up.ingest.ready(roster(of("EMP-restored-1", "11110001"), wrong))
    assert backed_up.ingest.approve(ready).status_code == 200
    ingest = backed_up.restore(backup)
    (row,) = ingest.rows(ready, status="refused")
    text = download(ingest, ready).text
    assert f"<!-- row 2 ({row['row_id']}): {row['reason']} -->" in text
    text = text.replace("1988-03-10", "03-10-1988").replace("EMP-restored-2<", "EMP-restored-3<")
    child = child_of(ingest, send(ingest, ready, text))
    assert (child["status"], child["rows"]["payable"]) == ("ready", 1)
