"""Money as text. Everywhere else it is an integer number of US cents."""

CURRENCY = "USD"


def dollars(amount_cents: int) -> str:
    """Cents as text with two places and no separators: 938 -> "9.38", -5 -> "-0.05"."""
    sign = "-" if amount_cents < 0 else ""
    whole, cents = divmod(abs(amount_cents), 100)
    return f"{sign}{whole}.{cents:02d}"


def display(amount_cents: int) -> str:
    """Cents for people: 29952645 -> "$299,526.45"."""
    sign = "-" if amount_cents < 0 else ""
    whole, cents = divmod(abs(amount_cents), 100)
    return f"{sign}${whole:,}.{cents:02d}"
