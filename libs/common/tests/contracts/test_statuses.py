from libs.common.contracts import statuses


def test_each_final_payment_has_an_outcome_and_a_title() -> None:
    assert set(statuses.OUTCOME_OF_FINAL) == statuses.FINAL_PAYMENTS
    assert set(statuses.PAYMENT_TITLES) == set(statuses.PAYMENT_STATUSES)
    assert set(statuses.OUTCOME_OF_FINAL.values()) < set(statuses.OUTCOMES)


def test_no_batch_is_both_certified_and_never_approved() -> None:
    assert set() == statuses.CERTIFIED_BATCHES & statuses.UNAPPROVED_BATCHES
    assert set(statuses.BATCH_STATUSES) > statuses.CERTIFIED_BATCHES | statuses.UNAPPROVED_BATCHES


def test_no_status_of_the_provider_is_both_paid_and_ended_unpaid() -> None:
    assert set() == statuses.PROVIDER_PAID & statuses.PROVIDER_ENDED_UNPAID
    assert statuses.PROVIDER_RETURN_UNDER_WAY < statuses.PROVIDER_PAID
