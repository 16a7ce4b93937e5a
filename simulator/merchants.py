"""The merchants of the provider. The roster's `ins_116527` has none, on purpose."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Merchant:
    """A creditor that can be paid.

    An institution may have several: one for each kind of loan, and a temporary one.
    """

    id: str
    name: str
    type: str
    plaid: tuple[str, ...]
    formats: tuple[str, ...] = ()
    is_temp: bool = False


EIGHT = ("########",)

MERCHANTS = (
    Merchant(
        "mch_300485",
        "American Express Credit Card",
        "credit_card",
        ("ins_10",),
        ("3##############",),
    ),
    Merchant("mch_3", "American Express Personal Loan", "personal_loan", ("ins_10",)),
    Merchant("mch_1", "Chase Credit Card", "credit_card", ("ins_3",), ("4###############",)),
    Merchant(
        "mch_301761",
        "Capital One Credit Card",
        "credit_card",
        ("ins_9", "ins_128026"),
        ("5###############",),
    ),
    Merchant("mch_301760", "Capital One Auto Finance", "auto_loan", ("ins_9", "ins_128026")),
    Merchant("mch_302086", "Wells Fargo Credit Card", "credit_card", ("ins_127991",)),
    Merchant("mch_300503", "Ally Auto", "auto_loan", ("ins_25",)),
    Merchant("mch_309067", "Rocket Mortgage", "mortgage", ("ins_118272",)),
    Merchant(
        "mch_304444", "Great Lakes Student Loans", "student_loan", ("ins_116943",), ("##########",)
    ),
    # The roster's institutions. For two of them the first merchant is the wrong one, to catch a
    # client that takes the first it finds.
    Merchant("mch_306100", "Navient Personal Loans", "personal_loan", ("ins_116944",)),
    Merchant("mch_306101", "Navient Student Loans", "student_loan", ("ins_116944",), EIGHT),
    Merchant("mch_306102", "Nelnet", "student_loan", ("ins_108798",), EIGHT),
    Merchant("mch_306103", "FedLoan Servicing", "student_loan", ("ins_116304",), EIGHT),
    Merchant(
        "mch_306114", "Aidvantage (pending)", "student_loan", ("ins_116248",), EIGHT, is_temp=True
    ),
    Merchant("mch_306104", "Aidvantage", "student_loan", ("ins_116248",), EIGHT),
    Merchant("mch_306105", "EdFinancial Services", "student_loan", ("ins_116950",), EIGHT),
    Merchant("mch_306106", "MOHELA", "student_loan", ("ins_116861",), EIGHT),
    Merchant("mch_306107", "OSLA Student Loan Servicing", "student_loan", ("ins_116866",), EIGHT),
    Merchant("mch_306108", "ECSI Student Loans", "student_loan", ("ins_116945",), EIGHT),
    Merchant("mch_306109", "Firstmark Services", "student_loan", ("ins_116947",), EIGHT),
)

BY_ID = {merchant.id: merchant for merchant in MERCHANTS}
POPULAR = MERCHANTS[:9]


def with_plaid(institution_id: str) -> list[Merchant]:
    """The merchants of an institution, in the provider's order; empty if it has none."""
    return [merchant for merchant in MERCHANTS if institution_id in merchant.plaid]
