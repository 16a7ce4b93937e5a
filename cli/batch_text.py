"""Batches in words: a list of them, the state of one, and what an approver would see."""

from collections.abc import Sequence
from typing import Any

from cli.output import NO_APPROVAL, counts, dollars, table

Batch = dict[str, Any]  # Any: JSON of the gateway
OUTCOMES = ("payable", "unpayable", "refused", "excluded")
PAYMENT_STATUSES = (
    "unprocessed", "sending", "pending", "completed", "failed",
    "in_doubt", "held", "cancelled", "reversed",
)  # fmt: skip


def batch_list(batches: Sequence[Batch]) -> list[str]:
    """One line for each batch."""
    if not batches:
        return ["There is no batch yet: paydown upload FILE"]
    head = ("BATCH", "STATUS", "PERIOD", "ROWS", "AMOUNT", "FILE")
    lines = [
        (
            batch["batch_id"],
            batch["status"],
            batch["period"],
            f"{batch['rows']['total']:,}",
            dollars(batch["amount_cents"]["total"]),
            batch["filename"],
        )
        for batch in batches
    ]
    return table([head, *lines], right=frozenset({3, 4}))


def batch_status(batch: Batch) -> list[str]:
    """The state of a batch and of its payments."""
    lines = [f"batch {batch['batch_id']}: {batch['status']}", f"file: {batch['filename']}"]
    lines += _file_error(batch)
    if batch["rows"]["total"]:
        lines += ["rows:", *counts(batch["rows"], batch["amount_cents"], OUTCOMES)]
    if batch["payments"]["total"]:
        lines.append("payments:")
        lines += counts(batch["payments"], batch["payment_amount_cents"], PAYMENT_STATUSES)
    for source in batch["stopped_sources"]:
        lines.append(f"stopped: source {source['source_account_id']}: {source['reason']}")
    return lines


def batch_preview(batch: Batch, url: str) -> list[str]:
    """What is about to be paid, what is not and why, and what a person has to do."""
    lines = batch_status(batch)
    if batch["issues"]:
        lines.append("issues:")
        issues = sorted(batch["issues"], key=lambda issue: (issue["outcome"], -issue["count"]))
        lines += table(
            [
                (f"  {issue['outcome']}", f"{issue['count']:,}", issue["code"], issue["message"])
                for issue in issues
            ],
            right=frozenset({1}),
        )
    for offered in batch["corrections_offered"]:
        lines.append(
            f"correction on offer: {offered['field']} of {offered['source_account_id']} "
            f"from {offered['from']} to {offered['to']}"
        )
    if batch["to_acknowledge"]:
        lines.append(f"the approver must acknowledge: {', '.join(batch['to_acknowledge'])}")
    if batch["status"] == "ready":
        lines += [NO_APPROVAL, f"{url}/batches/{batch['batch_id']}"]
    return lines


def _file_error(batch: Batch) -> list[str]:
    error = batch["error"]
    if not error:
        return []
    where = f" (line {error['line']})" if error["line"] else ""
    return [f"the file was refused{where}: {error['message']}"]
