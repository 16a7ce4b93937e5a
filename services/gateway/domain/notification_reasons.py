"""Why a delivery did not arrive, in words for people. Pure."""

from typing import Final

_WORDS: Final = {
    "": "",
    "address": "The address is inside a network, or not allowed here. An operator can allow it.",
    "name": "The host name of the address was not found.",
    "connection": "The receiver could not be reached, or closed the connection.",
    "timeout": "The receiver did not answer in time.",
    "redirect": "The receiver answered with another address. Enter that one; it is not followed.",
    "gone": "The receiver said that it wants no more notifications here (410).",
    "refused": "The message service did not accept the message. An operator can find out why.",
    "service": "This message service is no longer set up here. Add a channel of another one.",
    "removed": "The address of the channel can no longer be read. Remove it and add it again.",
    "no-role": "The person has no role here any more.",
    "bug": "Something went wrong in paydown itself; an operator finds it in the log.",
}


def words_of(reason: str) -> str:
    """The sentence for a reason code."""
    if reason.startswith("status "):
        return f"The receiver answered with {reason}, not with 2xx."
    return _WORDS.get(reason, "")
