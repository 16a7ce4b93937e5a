"""The largest lines of a kept report, for its plot."""

from services.reports.export.kept_lines import largest

HEAD = "source_account_id,source_account_name,currency,rows,amount,paid_amount,failed_amount"
FILE = f"""{HEAD},reversed_amount\r
A,Payroll,USD,2,5.00,4.00,1.00,0.00\r
B,,USD,1,1234.56,0.00,0.00,1234.56\r
C,,USD,1,0.09,0.09,0.00,0.00\r
""".encode()


def test_the_largest_come_first_and_the_others_are_one_line_with_their_sums() -> None:
    found = largest(FILE, 1)
    assert found["columns"] == ["source_account_id", "source_account_name"]
    assert [(line["about"], line["amount_cents"]) for line in found["lines"]] == [
        (["B", ""], 123_456)
    ]
    assert found["lines"][0]["returned_cents"] == 123_456
    assert (found["others_count"], found["others"]["rows"]) == (2, 3)
    assert found["others"]["paid_cents"] == 409
    assert largest(FILE, 3)["others"] is None


def test_months_stay_a_time_line() -> None:
    months = FILE.replace(b"source_account_id,source_account_name", b"month")
    months = months.replace(b"A,Payroll", b"2026-01").replace(b"B,,", b"2026-02,")
    months = months.replace(b"C,,", b"2026-03,")
    found = largest(months, 20)
    assert [line["about"] for line in found["lines"]] == [["2026-01"], ["2026-02"], ["2026-03"]]


def test_the_list_of_a_year_is_read_too() -> None:
    year = b"year,employee_id,currency,payments,amount\r\n2026,EMP-1,USD,26,5250.01\r\n"
    (line,) = largest(year, 5)["lines"]
    assert (line["rows"], line["amount_cents"], line["paid_cents"]) == (26, 525_001, 0)
