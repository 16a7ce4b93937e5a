"""What goes wrong in a simulation, as data: shares of calls, and acts that chance may choose."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Faults:
    """One mix of faults. Shares are of calls, from 0 to 1; they are tried in this order.

    `acts` are methods of the simulation that chance may choose beside sending and waiting.
    """

    # Of each POST /payments.
    lost_request: float = 0.10
    late_request: float = 0.15  # it comes up to 500 s later, and its answer goes nowhere
    lost_answer: float = 0.10
    proxy_answers: float = 0.07  # executed, but a proxy answers 502 in the provider's stead
    failed_executed: float = 0.10  # executed, 500 is stored under the key
    failed: float = 0.10  # not executed, 500 is stored under the key
    unavailable: float = 0.06  # 503: keys cannot be stored, not executed
    limited: float = 0.06  # 429, not executed
    stored_limit: float = 0.05  # 429 or 503, and it is stored under the key
    refused: float = 0.0  # 400 or 404 at the first use of a key, stored
    key_refused: float = 0.0  # 401 or 403, not stored
    refused_again: float = 0.0  # 400, 401 or 404 for a key whose first request is under way
    executed_twice: float = 0.0  # the provider makes two payments of one request
    # Of the objects to be created; of each answer to such a request.
    objects_refused: float = 0.0  # until somebody has mended what is wrong with them
    no_object_answer: float = 0.0  # lost on its way, or executed and not answered, or 500
    # Of each list.
    no_list: float = 0.10
    short_list: float = 0.10  # a walk that was cut short
    repeated_cursor: float = 0.0  # a page that names its own cursor as the next one
    # Of each answer.
    wrong_date: float = 0.0  # its Date is days off
    # Of each worker's turn.
    suspended: float = 0.0  # the process stops between intent and call, or during the call
    webhooks_first: bool = False  # a webhook comes before the answer
    acts: tuple[str, ...] = ()

    @property
    def are_objects_created(self) -> bool:
        """Whether the objects are created in the simulation; else they exist when it begins."""
        return self.objects_refused > 0

    @property
    def are_executed_twice(self) -> bool:
        """Whether the provider itself pays twice; then nobody here can prevent it."""
        return self.executed_twice > 0


#: Every fault kind that the dispatcher bears, by the name of its mix.
MIXES: dict[str, Faults] = {
    "network": Faults(),
    "refusals": Faults(
        refused=0.15,
        key_refused=0.02,
        acts=("pause", "resume", "switch_kill", "mend"),
    ),
    "objects are refused and mended": Faults(
        objects_refused=0.35,
        no_object_answer=0.25,
        acts=("prepare", "create", "create", "look_up_objects", "retry"),
    ),
    "objects are disabled and enabled": Faults(acts=("disable", "enable")),
    "suspended processes": Faults(suspended=0.25),
    "webhooks": Faults(webhooks_first=True, acts=("advance", "poll", "poll")),
    "the provider pays twice": Faults(executed_twice=0.10, acts=("advance", "poll", "search")),
    "the database is restored": Faults(acts=("copy", "restore_database")),
    "the topics are restored": Faults(acts=("replay_topics", "advance", "poll")),
    "both are restored": Faults(acts=("copy", "wait_a_day", "restore_both")),
    "the wall clock steps": Faults(acts=("step_clock", "step_clock")),
    "the provider's date is wrong": Faults(wrong_date=0.3),
    "machines sleep": Faults(suspended=0.25, acts=("sleep",)),
    "refusals while the first request is under way": Faults(late_request=0.4, refused_again=0.9),
    "cursors that repeat": Faults(no_list=0.0, repeated_cursor=1.0, acts=("search",)),
}
