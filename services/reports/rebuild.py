"""`python -m services rebuild reports`: build the read model again from offset 0 and compare.

The new one stands beside the live one. Equal digests, or exit code 1.
"""

from libs.common.recovery import rebuild
from libs.common.runtime.settings import read_or_exit
from services.reports import consumers
from services.reports.app import MIGRATIONS
from services.reports.settings import ReportsSettings
from services.reports.store.digests import DIGESTS


def main() -> int:
    """Exit code 0: equal; 1: different; 2: it could not be tried."""
    projection = rebuild.Projection(
        "reports",
        MIGRATIONS,
        dict.fromkeys(consumers.TOPICS_READ, consumers.apply),
        DIGESTS,
    )
    return rebuild.main(projection, read_or_exit(ReportsSettings))
