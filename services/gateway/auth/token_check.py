"""Whether API tokens end soon: a script that uploads rosters must not find out on pay day."""

from sqlalchemy import Engine

from services.gateway.store import tokens


def check_tokens(engine: Engine) -> dict[str, str]:
    """The sentence for /ops/health; "" if no token ends within 30 days. Names none.

    Raises:
        SQLAlchemyError: the database does not answer.
    """
    with engine.connect() as connection:
        count, first = tokens.read_ending_soon(connection)
    if not count or first is None:
        return {"API tokens": ""}
    return {
        "API tokens": (
            f"{count} API tokens end within 30 days, the first on {first:%Y-%m-%d}. "
            "Make new ones under Settings and revoke the old ones."
        )
    }
