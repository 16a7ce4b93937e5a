"""`make demo`: a roster from upload to reports on a throw-away stack, with the money at every step.

    python -m devtools.demo [--roster FILE] [--out FOLDER] [--keep]

Exit code 0: every row is accounted for and the reconciliation is clean. 1: not, or the file was
refused. 2: the machine or the arguments are wrong.
"""

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx

from devtools import demo_preview, paths, sample_roster
from devtools.progress import Progress
from devtools.stack.local_stack import demo_stack
from devtools.stack.stack import Stack
from libs.common.contracts.money import display
from ops.errors import CommandError, exit_code
from services import catalog

SAMPLE_ROWS = 1_000
PAGE = 1_000
FINAL = {"completed", "completed_with_failures", "archived", "cancelled"}
ENDED = ("completed", "failed", "cancelled", "reversed")  # of a payment
NOT_PAYABLE = ("unpayable", "refused", "excluded")
AWAY = (502, 503, 504)
PREVIEW_LIMIT_S, STALL_LIMIT_S = 1_800.0, 900.0
REPORTS = ("sources.csv", "branches.csv", "payments.csv")


class DemoFailed(Exception):
    """The file was refused, or the run did not end well; one sentence for people."""


class Api:
    """The gateway's API as one of the demo people. A service that is away is asked again."""

    def __init__(self, url: str, person: str) -> None:
        self.client = httpx.Client(
            base_url=f"{url}/api/v1",
            headers={"Authorization": f"Bearer demo-{person}"},
            timeout=120,
        )

    def get(self, path: str, limit_s: float = 60) -> Any:
        """The JSON of an answer, or the bytes of a report."""
        until = time.monotonic() + limit_s
        while True:
            answer = self.client.get(path)
            if answer.status_code == 200:
                return answer.json() if "json" in answer.headers["content-type"] else answer.content
            if answer.status_code not in AWAY or time.monotonic() > until:
                raise DemoFailed(refusal(answer))
            time.sleep(0.5)

    def post(self, path: str, content: Any = None, **query: str) -> Any:
        """The JSON of the answer; `content` is a JSON value, or the bytes of a file."""
        body = {"json": content} if isinstance(content, dict) else {"content": content}
        answer = self.client.post(path, params=query, **body)
        if answer.status_code not in (200, 201, 202):
            raise DemoFailed(refusal(answer))
        return answer.json()


def refusal(answer: httpx.Response) -> str:
    """What a refusal says, in one line."""
    try:
        problem = answer.json()
        return " ".join(
            str(problem[part]) for part in ("detail", "money", "action") if problem.get(part)
        )
    except ValueError:
        return f"{answer.request.method} {answer.request.url.path} answered {answer.status_code}"


class Demo:
    """One run. `seconds` is how long each step took."""

    def __init__(self, stack: Stack, out: Path) -> None:
        self.stack, self.out = stack, out
        url = stack.ports.url("gateway")
        self.preparer, self.approver = Api(url, "preparer"), Api(url, "approver")
        self.seconds: dict[str, float] = {}
        self.batch_id = ""

    def timed(self, name: str, step: Callable[[], Any]) -> Any:
        """Run a step and record how long it took."""
        began = time.monotonic()
        result = step()
        self.seconds[name] = round(self.seconds.get(name, 0.0) + time.monotonic() - began, 1)
        return result

    def run(self, file: Path) -> int:
        """All steps in order; returns the exit code."""
        batch = self.timed("ingest", lambda: self.upload(file))
        print("\n".join(demo_preview.lines(batch, self.list_not_payable(batch))), flush=True)
        batch = self.timed("prepare", lambda: self.correct(batch))
        self.approve(batch)
        batch = self.timed("pay", lambda: self.pay(batch["batch_id"]))
        self.timed("report", lambda: self.download_reports(batch))
        return self.finish(batch)

    def upload(self, file: Path) -> dict[str, Any]:
        """Send the file and wait until it can be approved."""
        with file.open("rb") as content:
            chunks = iter(lambda: content.read(1 << 20), b"")
            batch_id = self.preparer.post("/batches", chunks, filename=file.name)["batch_id"]
        self.batch_id = str(batch_id)
        return self.wait_until_ready(self.batch_id)

    def wait_until_ready(self, batch_id: str) -> dict[str, Any]:
        """Wait until the batch is ready.

        Raises:
            DemoFailed: the file was refused; with its reason.
        """
        until = time.monotonic() + PREVIEW_LIMIT_S
        while time.monotonic() < until:
            batch: dict[str, Any] = self.preparer.get(f"/batches/{batch_id}")
            if batch["status"] == "ready":
                return batch
            if batch["status"] == "rejected":
                error = batch["error"]
                where = f" (line {error['line']})" if error.get("line") else ""
                raise DemoFailed(
                    f"the roster was refused: {error['message']}{where} [{error['code']}] "
                    f"Nothing was paid."
                )
            time.sleep(0.2)
        raise DemoFailed("the roster could not be read in half an hour; nothing was paid")

    def list_not_payable(self, batch: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """All rows that are not payable as the file is."""
        for status in NOT_PAYABLE:
            cursor: str | None = ""
            while cursor is not None and batch["rows"][status]:
                path = f"/batches/{batch['batch_id']}/rows?status={status}&limit={PAGE}"
                page = self.preparer.get(path + (f"&cursor={cursor}" if cursor else ""))
                yield from page["items"]
                cursor = page["next"]

    def correct(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Accept the corrections that are offered, and print them."""
        offered = batch["corrections_offered"]
        if not offered:
            return batch
        for one in offered:
            print(
                f"corrected for this batch: payor {one['source_account_id']}: "
                f"{one['field']} {one['from']} -> {one['to']}",
                flush=True,
            )
        self.preparer.post(f"/batches/{batch['batch_id']}/corrections", {"corrections": offered})
        corrected = self.wait_until_ready(batch["batch_id"])
        payable = display(corrected["amount_cents"]["payable"])
        left = sum(corrected["rows"][name] for name in NOT_PAYABLE)
        print(
            f"payable now: {corrected['rows']['payable']:,} rows, {payable}; "
            f"{left:,} rows cannot be paid, as said above",
            flush=True,
        )
        return corrected

    def approve(self, batch: dict[str, Any]) -> None:
        """Approve what was shown, as another person than the uploader."""
        acknowledged = batch["to_acknowledge"]
        self.approver.post(
            f"/batches/{batch['batch_id']}/approve",
            {"digest": batch["digest"], "acknowledge": acknowledged},
        )
        print(
            f"approved by another person than the uploader; "
            f"warnings acknowledged: {', '.join(acknowledged) or 'none'}",
            flush=True,
        )

    def pay(self, batch_id: str) -> dict[str, Any]:
        """Follow the payments until the batch is final, or until only held ones remain."""
        moved_at, last = time.monotonic(), None
        with Progress("paying") as progress:
            while True:
                batch: dict[str, Any] = self.approver.get(f"/batches/{batch_id}")
                counts = batch["payments"]
                ended = sum(counts[status] for status in ENDED)
                paid = display(batch["payment_amount_cents"]["completed"])
                progress.show(ended, counts["total"], f"{paid} paid")
                if batch["status"] in FINAL:
                    return batch
                if counts["held"] and ended + counts["held"] == counts["total"]:
                    raise DemoFailed(
                        f"{counts['held']} payments are held and need a person; "
                        f"the others have ended"
                    )
                if counts != last:
                    moved_at, last = time.monotonic(), counts
                if time.monotonic() - moved_at > STALL_LIMIT_S:
                    raise DemoFailed(
                        f"nothing has moved for {STALL_LIMIT_S / 60:.0f} minutes; "
                        f"the batch is {batch['status']}, payments {counts}"
                    )
                # the gateway counts all payments for each answer
                time.sleep(0.5 if counts["total"] < 5_000 else 2.0)

    def download_reports(self, batch: dict[str, Any]) -> None:
        """Write the three CSV files."""
        self.out.mkdir(parents=True, exist_ok=True)
        for name in REPORTS:
            report = self.approver.get(f"/batches/{batch['batch_id']}/reports/{name}")
            (self.out / name).write_bytes(report)

    def finish(self, batch: dict[str, Any]) -> int:
        """Write summary.json, print the reconciliation, and return the exit code."""
        path = f"/reconciliation/breaks?batch_id={batch['batch_id']}&status=open"
        breaks = int(self.approver.get(path)["total"])
        clean = bool(batch["certificate"]) and not breaks
        self.write_summary(batch, clean, breaks)
        cents, payments = batch["amount_cents"], batch["payment_amount_cents"]
        print_result(batch)
        print(f"  reconciliation: {'clean, certificate issued' if clean else f'{breaks} breaks'}")
        print(
            f"  reports: {self.out / 'sources.csv'}, branches.csv, payments.csv, summary.json; "
            f"{self.seconds}",
            flush=True,
        )
        accounted = sum(payments[status] for status in ENDED) + sum(cents[n] for n in NOT_PAYABLE)
        return 0 if clean and cents["total"] == accounted else 1

    def write_summary(self, batch: dict[str, Any], clean: bool, breaks: int) -> None:
        """Write summary.json: counts, amounts, the provider's calls, seconds of each step."""
        books = httpx.get(f"{self.stack.ports.url('simulator')}/_simulator/books").json()
        summary = {
            "batch_id": batch["batch_id"],
            "status": batch["status"],
            "rows": batch["rows"],
            "amount_cents": batch["amount_cents"],
            "payments": batch["payments"],
            "payment_amount_cents": batch["payment_amount_cents"],
            "reconciliation": {"clean": clean, "breaks": breaks},
            "provider_calls": books["calls"],
            "seconds": self.seconds,
        }
        (self.out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")


def print_result(batch: dict[str, Any]) -> None:
    """What became of every row and payment."""
    rows, cents, payments = batch["rows"], batch["amount_cents"], batch["payment_amount_cents"]
    print(f"\nbatch {batch['batch_id']}: {batch['status']}")
    print(f"  file      {rows['total']:>8,} rows      {display(cents['total']):>16}")
    for name in NOT_PAYABLE:
        print(f"  {name:<9} {rows[name]:>8,} rows      {display(cents[name]):>16}")
    for name in ENDED:
        print(f"  {name:<9} {batch['payments'][name]:>8,} payments  {display(payments[name]):>16}")
    if batch["one_person"]:
        print("  single control: the rule that another person approves was off")


def main(arguments: list[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="make demo", description="a roster from upload to reports on a throw-away stack"
    )
    parser.add_argument("--roster", type=Path, help="an XML roster (default: a sample)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="the folder of the reports")
    parser.add_argument("--keep", action="store_true", help="leave it up, with the dashboard")
    options = parser.parse_args(arguments)
    if options.roster and not options.roster.is_file():
        raise CommandError(f"ROSTER={options.roster} is no file; give the path of an XML roster")
    if options.out.exists() and not options.out.is_dir():
        raise CommandError(f"OUT={options.out} is a file; give a folder")
    stack = demo_stack(lambda text: print(f"  {text}", flush=True))
    file = options.roster or paths.DEMO / f"sample-{SAMPLE_ROWS}.xml"
    if not options.roster:
        file.parent.mkdir(parents=True, exist_ok=True)
        sample_roster.write(file, SAMPLE_ROWS)
    demo = Demo(stack, options.out)
    print(
        f"starting PostgreSQL, Kafka, the simulator of the provider "
        f"and {len(catalog.SERVICES)} services",
        flush=True,
    )
    kept = False
    try:
        demo.timed("setup", stack.up)
        code = demo.run(file)
        kept = options.keep
        print_where(demo, kept)
    except DemoFailed as error:
        print(f"paydown: {error}", file=sys.stderr)
        return 1
    else:
        return code
    finally:
        if not kept:
            stack.down()


def print_where(demo: Demo, kept: bool) -> None:
    """Where the reports are, and how to look at the same data in the dashboard."""
    print(
        f"\nreports: {demo.out}/  (open {demo.out / 'payments.csv'} for every row with its reason)"
    )
    if kept:
        url = f"{demo.stack.ports.url('gateway')}/batches/{demo.batch_id}"
        print(f"dashboard, until `make down`: {url}", flush=True)
    else:
        print("the same in the dashboard: make demo KEEP=1", flush=True)


def _terminate(*_: object) -> None:
    raise SystemExit(143)  # unwinds, so that what was started is stopped


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(exit_code(lambda: main(sys.argv[1:])))
