"""People mend what is missing at the provider: an institution's merchant, a source's EIN."""

from typing import Any

import pytest

from libs.common.contracts.events.batches import BatchChanged
from libs.common.contracts.events.preparation import Institution, SourceProblem
from libs.common.contracts.events.rows import RowRead
from services.ingest.tests.factories import roster, row
from services.ingest.tests.harness import NO_MERCHANT, IngestHarness
from services.ingest.tests.people_and_loans import someone
from services.ingest.tests.test_decisions import decide, listed, take_back

pytestmark = pytest.mark.database
MEND = {
    "act": "mend",
    "institution_id": NO_MERCHANT,
    "merchant_id": "mch_77",
    "reason": "named by the servicer",
}


def unpayable(ingest: IngestHarness) -> Any:
    """A ready batch: two rows of an institution without a merchant, and one that is payable."""
    of_it = {"Payee/PlaidId": NO_MERCHANT}
    rows = (someone(**of_it), someone(**of_it, Amount="$8.00"), someone())
    return ingest.ready(roster(*(row(one) for one in rows)))


def check_with(ingest: IngestHarness, batch: Any, merchant_id: str, reason: str = "") -> Any:
    """Play the dispatcher, which asked the provider about the merchant that was chosen."""
    answer = Institution(institution_id=NO_MERCHANT, merchant_id=merchant_id, reason=reason)
    other = Institution(institution_id="ins_116944", merchant_id="mch_1")
    return ingest.check(batch["batch_id"], institutions=(answer, other))


def test_a_mended_institution_is_checked_again_and_paid_through_its_merchant(
    ingest: IngestHarness,
) -> None:
    batch = unpayable(ingest)
    assert batch["rows"]["unpayable"] == 2
    dry = decide(ingest, batch, **MEND, dry_run=True).json()
    assert (dry["payable_before"], dry["payable_after"]) == (
        {"rows": 1, "amount_cents": 703},
        {"rows": 3, "amount_cents": 2206},
    )
    assert ingest.batch(batch["batch_id"]) == batch
    assert decide(ingest, batch, **MEND).json()["status"] == "checking"
    event = ingest.published(batch["batch_id"], BatchChanged)[-1]
    (made,) = event.amendments
    assert (made.details.institution_id, made.details.merchant_id) == (NO_MERCHANT, "mch_77")
    now = check_with(ingest, batch, "mch_77")
    assert now["digest"] != batch["digest"]
    assert (now["rows"]["payable"], now["rows"]["unpayable"]) == (3, 0)
    assert decide(ingest, now, **MEND).json()["code"] == "decision.not-missing"
    assert ingest.approve(now, "peter").status_code == 403
    assert ingest.approve(now).status_code == 200
    rows = {m.row_id: m for m in ingest.published(batch["batch_id"], RowRead)}
    of_it = [m for m in rows.values() if m.institution_id == NO_MERCHANT]
    assert [(m.status, m.merchant_id) for m in of_it] == [("payable", "mch_77")] * 2


def test_a_merchant_that_the_provider_does_not_know_pays_nothing(ingest: IngestHarness) -> None:
    batch = unpayable(ingest)
    decide(ingest, batch, **MEND)
    now = check_with(ingest, batch, "", "The provider has no merchant mch_77.")
    assert now["rows"]["unpayable"] == 2
    assert {one["reason"] for one in ingest.rows(now, status="unpayable")} == {
        "The provider has no merchant mch_77."
    }
    assert decide(ingest, now, **MEND).json()["code"] == "decision.already"
    assert take_back(ingest, now, listed(ingest, now)[0]).status_code == 200
    assert ingest.published(batch["batch_id"], BatchChanged)[-1].amendments[0].withdrawn_by


def test_only_an_institution_without_a_merchant_is_mended(ingest: IngestHarness) -> None:
    batch = unpayable(ingest)
    known = {**MEND, "institution_id": "ins_116944"}
    assert decide(ingest, batch, **known).json()["code"] == "decision.not-missing"
    both = {**MEND, "employee_id": "EMP-1"}
    assert decide(ingest, batch, **both).json()["code"] == "decision.which-rows"
    unchecked = ingest.check_again(batch) and ingest.batch(batch["batch_id"])
    assert unchecked["status"] == "ready"
    with_nothing = {**MEND, "merchant_id": ""}
    assert decide(ingest, batch, **with_nothing).json()["code"] == "decision.which-rows"


def test_a_batch_that_was_not_checked_is_not_mended(ingest: IngestHarness) -> None:
    batch = unpayable(ingest)
    ingest.call("POST", f"/batches/{batch['batch_id']}/ask-provider", "peter")
    decide(ingest, batch, row_id=ingest.rows(batch)[2]["row_id"])
    now = ingest.check(batch["batch_id"], checked=False)
    assert decide(ingest, now, **MEND).json()["code"] == "decision.not-checked"


def test_a_mended_ein_is_sent_to_the_provider_and_comes_back_when_it_is_taken_back(
    ingest: IngestHarness,
) -> None:
    source = "CORP-" + someone()["Employee/DunkinId"]
    one = someone(**{"Payor/DunkinId": source, "Payor/EIN": "321202409"})
    batch = ingest.ready(roster(row(one)))
    problem = SourceProblem(source_account_id=source, code="refused", message="EIN unknown.")
    decide(ingest, batch, row_id=ingest.rows(batch)[0]["row_id"])
    take_back(ingest, ingest.check(batch["batch_id"]), listed(ingest, batch)[0])
    now = ingest.check(batch["batch_id"], problems=[problem])
    assert now["rows"]["unpayable"] == 1
    mend = {"act": "mend", "source_account_id": source, "reason": "letter of the tax office"}
    assert decide(ingest, now, **mend, ein="32120240").json()["code"] == "decision.ein"
    assert decide(ingest, now, **mend, ein="321202409").json()["code"] == "decision.no-change"
    assert decide(ingest, now, **mend, ein="321202401").status_code == 200

    def eins() -> list[str]:
        return [s.ein for s in ingest.published(batch["batch_id"], BatchChanged)[-1].sources]

    assert eins() == ["321202401"]
    mended = ingest.check(batch["batch_id"])
    assert mended["rows"]["payable"] == 1
    (made,) = [made for made in listed(ingest, mended) if made["act"] == "mend"]
    assert made["change"] == "EIN 321202401 instead of 321202409"
    take_back(ingest, mended, made)
    assert eins() == ["321202409"]
