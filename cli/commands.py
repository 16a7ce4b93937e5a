"""The commands of `paydown`. None of them approves; `approve` is there to say who does."""

import secrets
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import click
from click.shell_completion import get_completion_class

from cli import batch_text, output, roster_file, watch
from cli.context import Context
from cli.errors import OK, REFUSED, CommandError
from cli.gateway_client import GatewayClient, Roster

Command = TypeVar("Command", bound=Callable[..., Any])
REPORTS = ("sources.csv", "branches.csv", "payments.csv")
CHECK_S, CHECK_MAX_S = 1.0, 600.0
READABLE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
pass_context = click.make_pass_decorator(Context)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="PAYDOWN_URL is the gateway (default: http://127.0.0.1:8080), PAYDOWN_TOKEN the token.",
)
@click.option(
    "--token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="PAYDOWN_TOKEN_FILE",
    help="A file that holds the token, in place of PAYDOWN_TOKEN.",
)
@pass_context
def paydown(context: Context, token_file: Path | None) -> None:
    """Upload rosters and see what becomes of them. It cannot approve: a person does that."""
    context.token_file = token_file


def json_option(command: Command) -> Command:
    """Add `--json`."""

    def set_json(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        ctx.ensure_object(Context).as_json = value

    option = click.option(
        "--json", is_flag=True, expose_value=False, callback=set_json, help="Print JSON."
    )
    return option(command)


@paydown.command()
@click.argument("file", type=READABLE)
@click.option("--period", default="", help="A date in the pay period; default: today's period.")
@click.option("--repeat-reason", default="", help="Why the very same file is uploaded again.")
@click.option("--wait", is_flag=True, help="Wait until the file is checked.")
@json_option
@pass_context
def upload(context: Context, file: Path, period: str, repeat_reason: str, *, wait: bool) -> int:
    """Upload a roster (.xml or .xml.gz). Nothing is paid before a person has approved it."""
    try:
        content = roster_file.read(file)
    except roster_file.StillWritten:
        raise CommandError(
            f"{file} changed while it was read.", "Wait until it is written.", code="file"
        ) from None
    # A new key for each call: the same file may be uploaded again once its batch is discarded.
    key = f"paydown-upload-{secrets.token_hex(16)}"
    client = context.client()
    answer = client.upload(Roster(content.data, file.name, key, period, repeat_reason))
    if not wait:
        context.show(answer, [f"batch {answer['batch_id']}: {answer['status']}"])
        return OK
    batch = _checked(context, client, answer["batch_id"])
    context.show(batch, batch_text.batch_preview(batch, client.url))
    return REFUSED if batch["status"] == "rejected" else OK


def _checked(context: Context, client: GatewayClient, batch_id: str) -> dict[str, Any]:
    """A batch once its file is checked, or after ten minutes as it is then."""
    until = context.clock() + CHECK_MAX_S
    while True:
        batch = client.get(f"/batches/{batch_id}")
        if batch["status"] not in watch.UNDECIDED or context.clock() >= until:
            return batch
        context.sleep(CHECK_S)


@paydown.command()
@click.argument("batch", type=click.UUID, required=False)
@click.option("--limit", type=click.IntRange(1, 1000), default=10, help="Batches in the list.")
@json_option
@pass_context
def status(context: Context, batch: UUID | None, limit: int) -> int:
    """Show the newest batches, or one BATCH with its payments."""
    client = context.client()
    if batch is None:
        page = client.get("/batches", limit=limit)
        context.show(page, batch_text.batch_list(page["items"]))
    else:
        found = client.get(f"/batches/{batch}")
        context.show(found, batch_text.batch_status(found))
    return OK


@paydown.command()
@click.argument("batch", type=click.UUID, required=False)
@json_option
@pass_context
def preview(context: Context, batch: UUID | None) -> int:
    """Show what would be paid, what not and why. Without BATCH: the newest that is ready."""
    client = context.client()
    found = client.get(f"/batches/{batch or _newest_ready(client)}")
    context.show(found, batch_text.batch_preview(found, client.url))
    return OK


def _newest_ready(client: GatewayClient) -> str:
    items = client.get("/batches", status="ready", limit=1)["items"]
    if not items:
        raise CommandError(
            "No batch waits for an approval.",
            "Name a batch (paydown status lists them), or upload a roster.",
            exit_code=REFUSED,
            code="no-batch",
        )
    return str(items[0]["batch_id"])


@paydown.command()
@click.argument("batch", type=click.UUID)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="The folder to write to; default: this one.",
)
@json_option
@pass_context
def reports(context: Context, batch: UUID, out: Path) -> int:
    """Download the reports of BATCH: sources.csv, branches.csv, payments.csv."""
    client = context.client()
    files = [out / name for name in REPORTS]
    try:
        out.mkdir(parents=True, exist_ok=True)
        for file in files:
            client.download(f"/batches/{batch}/reports/{file.name}", file)
    except OSError as error:
        raise CommandError(
            f"{out} cannot be written to: {error.strerror}.", "Name another folder.", code="file"
        ) from None
    context.show({"files": [str(file) for file in files]}, [str(file) for file in files])
    return OK


@paydown.command("watch")
@click.argument("folder", type=FOLDER)
@click.option("--once", is_flag=True, help="End when nothing is left to do; for cron.")
@click.option(
    "--settle",
    type=click.FloatRange(0, 3600),
    default=5.0,
    show_default=True,
    help="Seconds that a file must be unchanged.",
)
@click.option(
    "--every",
    type=click.FloatRange(0.05, 3600),
    default=2.0,
    show_default=True,
    help="Seconds between two looks.",
)
@json_option
@pass_context
def watch_folder(context: Context, folder: Path, settle: float, every: float, *, once: bool) -> int:
    """Upload each roster that appears in FOLDER, once; write NAME.result.json beside it."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with watch.locked(folder):
        watched = watch.FolderWatch(
            folder, context.client(tries=1), context.report, settle_s=settle, clock=context.clock
        )
        while watched.look() or not once:
            if stop.wait(every):
                return OK
    return REFUSED if watched.refused else OK


@paydown.command(hidden=True, context_settings={"ignore_unknown_options": True})
@click.argument("_", nargs=-1)
@json_option
@pass_context
def approve(context: Context, _: tuple[str, ...]) -> int:
    """Say that this command line cannot approve."""
    raise CommandError(
        "This command line cannot approve.",
        "A person who did not upload or change the batch approves it in the dashboard: "
        f"{context.url()}",
        code="approve.person",
    )


@paydown.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> int:
    """Print a script that completes commands in SHELL."""
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(paydown, {}, "paydown", "_PAYDOWN_COMPLETE").source())
    return OK


def show_error(context: Context, error: CommandError) -> None:
    """Print an error as the command was asked to."""
    output.show_error(error, as_json=context.as_json)
