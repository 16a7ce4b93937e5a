"""Tables of US states, their zip prefixes, and assigned bank routing prefixes."""

from typing import Final

# USPS three-digit zip prefixes, first to last, and their state (military mail: AA, AE, AP).
_PREFIXES: Final = """
005-005 NY  006-007 PR  008-008 VI  009-009 PR  010-027 MA  028-029 RI  030-038 NH  039-049 ME
050-054 VT  055-055 MA  056-059 VT  060-069 CT  070-089 NJ  090-098 AE  100-149 NY  150-196 PA
197-199 DE  200-200 DC  201-201 VA  202-205 DC  206-219 MD  220-246 VA  247-268 WV  270-289 NC
290-299 SC  300-319 GA  320-339 FL  340-340 AA  341-342 FL  344-344 FL  346-347 FL  349-349 FL
350-352 AL  354-369 AL  370-385 TN  386-397 MS  398-399 GA  400-418 KY  420-427 KY  430-459 OH
460-479 IN  480-499 MI  500-516 IA  520-528 IA  530-532 WI  534-535 WI  537-549 WI  550-551 MN
553-567 MN  569-569 DC  570-577 SD  580-588 ND  590-599 MT  600-620 IL  622-629 IL  630-631 MO
633-641 MO  644-658 MO  660-662 KS  664-679 KS  680-681 NE  683-693 NE  700-701 LA  703-708 LA
710-714 LA  716-729 AR  730-731 OK  733-733 TX  734-741 OK  743-749 OK  750-770 TX  772-799 TX
800-816 CO  820-831 WY  832-838 ID  840-847 UT  850-853 AZ  855-857 AZ  859-860 AZ  863-865 AZ
870-871 NM  873-875 NM  877-884 NM  885-885 TX  889-891 NV  893-895 NV  897-898 NV  900-908 CA
910-928 CA  930-961 CA  962-966 AP  967-968 HI  969-969 GU  970-979 OR  980-986 WA  988-994 WA
995-999 AK
"""


def _state_by_prefix() -> dict[str, str]:
    words = _PREFIXES.split()
    table: dict[str, str] = {}
    for span, state in zip(words[::2], words[1::2], strict=True):
        first, last = span.split("-")
        table |= {f"{prefix:03d}": state for prefix in range(int(first), int(last) + 1)}
    return table


STATE_BY_ZIP_PREFIX: Final[dict[str, str]] = _state_by_prefix()

# Prefixes that a second state shares: Fishers Island, Alta, the Pacific.
ALSO_IN: Final = frozenset(
    {
        ("063", "NY"),
        ("834", "WY"),
        ("967", "AS"),
        ("969", "MP"),
        ("969", "PW"),
        ("969", "FM"),
        ("969", "MH"),
    }
)

STATES: Final = frozenset(STATE_BY_ZIP_PREFIX.values()) | {state for _, state in ALSO_IN}


def zip_is_in(zip_code: str, state: str) -> bool:
    """Whether the zip's prefix belongs to the state; False if it belongs to no state."""
    prefix = zip_code[:3]
    return STATE_BY_ZIP_PREFIX.get(prefix) == state or (prefix, state) in ALSO_IN


def routing_prefix_is_assigned(routing: str) -> bool:
    """Whether the first two digits are assigned.

    Federal Reserve districts: banks 01-12 (00: government), thrifts 21-32, electronic 61-72,
    traveler's checks 80.
    """
    prefix = int(routing[:2])
    return prefix <= 12 or 21 <= prefix <= 32 or 61 <= prefix <= 72 or prefix == 80
