"""The texts that the API sends for people, as the code of the services writes them.

`contracts/api-texts.json` lists them; a test of the dashboard compares it with the translations.
A value within a text is `{}`.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from libs.common.contracts.journals import JOURNAL_TITLES
from libs.common.contracts.statuses import (
    PAID_ELSEWHERE_TITLE,
    PAYMENT_TITLES,
    PROVIDER_ENDED_UNPAID,
    PROVIDER_RETURN_UNDER_WAY,
)

ROOT: Final = Path(__file__).parents[1]
#: Written for programs, operators' logs, files or e-mails: the dashboard shows none of it.
NOT_SHOWN: Final = (
    "libs/common/crypto/",
    "libs/common/database/migrate.py",
    "libs/common/database/pooler.py",
    "libs/common/messaging/relay.py",
    "libs/common/observability/logs.py",
    "libs/common/recovery/rebuild.py",
    "libs/common/recovery/republish.py",
    "libs/common/runtime/http_protocol.py",
    "libs/common/testing/",
    "libs/common/web/internal_auth.py",
    "libs/common/web/signed_calls.py",
    "services/gateway/app.py",
    "services/gateway/auth/oidc.py",
    "services/gateway/auth/oidc_client.py",
    "services/gateway/auth/provider_tokens.py",
    "services/gateway/domain/employee_periods.py",
    "services/gateway/domain/notification_reasons.py",
    "services/gateway/domain/notification_texts.py",
    "services/gateway/notifications/",
    "services/gateway/routes/back_channel_logout.py",
    "services/gateway/routes/health.py",
    "services/gateway/routes/provider_sign_in.py",
    "services/gateway/schemas/",
    "services/gateway/static_files/",
    "services/ingest/roster/file_place.py",
    "services/reports/domain/freshness.py",
    "services/reports/export/",
    "services/webhooks/routes.py",
)
#: Calls whose texts describe the API or settings, or end the process.
OTHER_CALLS: Final = (
    *("Field", "Query", "Path", "Header", "HTTPBearer", "APIKeyCookie", "add"),
    *("SettingsError", "Fatal", "UnknownBatch", "as_comment"),
)
#: Why a file was refused: translated by the code alone.
FILE_FAULTS: Final = ("E_FILE_", "E_PARSER")
#: Errors of which every text after the code is shown.
PROBLEMS: Final = ("Problem", "RequestError")
#: Modules of texts that are no whole sentences: titles, details, parts of a sentence.
PARTS: Final = (
    "services/gateway/payment_timeline.py",
    "services/ingest/amendments.py",
    "services/ingest/domain/amendment.py",
    "services/ingest/domain/approval_request.py",
    "services/ingest/domain/batch_warnings.py",
    "services/ingest/domain/decision.py",
    "services/ingest/domain/mended_row.py",
    "services/ingest/domain/other_people.py",
    "services/ingest/domain/redirect.py",
    "services/ingest/domain/year_limit.py",
    "services/ingest/holds.py",
    "services/ingest/redirects.py",
    "services/reports/payment_timeline.py",
)
#: Where the dispatcher names the provider's errors, in constants `…_ERROR` and `…_ERRORS`.
PROTOCOL: Final = "services/dispatcher/domain/protocol.py"
#: Modules whose SQL joins the reasons of rows, as `'excluded by ' || who`.
SQL: Final = ("services/ingest/store/holds.py", "services/ingest/store/row_outcomes.py")
#: A name of a field in the file, such as Payee/LoanAccountNumber, is shown as it is.
PART: Final = re.compile(r"(?=.*[a-z])(?! |\w*/)(.* .*|[A-Z].*)")
SQL_TEXT: Final = re.compile(r"'[^'\n]*'(?:\s*\|\|\s*(?:[\w.]+\b(?:\[\d\])?(?!\()|'[^'\n]*'))+")
SQL_SENTENCE: Final = re.compile(r"'([A-Z][^'\n]* [^'\n]*\.)'")
SQL_CODE: Final = re.compile(r"ARRAY\[\s*'\w+',\s*'(\w+)'")
SENTENCE: Final = re.compile(r"[A-Z{](?=.*[a-z]).* .*[.?]", re.DOTALL)


def api_texts() -> dict[str, list[str]]:
    """The sentences, the parts of sentences, and the codes that may come with another's text."""
    return {"sentences": sentences(), "parts": parts(), "codes": codes()}


def codes() -> list[str]:
    """The reason codes whose text is the provider's or a person's, so that the code must do."""
    found = {*_provider_errors(), *PROVIDER_ENDED_UNPAID, *PROVIDER_RETURN_UNDER_WAY}
    for name in SQL:
        found |= set(SQL_CODE.findall((ROOT / name).read_text(encoding="utf-8")))
    for path in (ROOT / "services").rglob("*.py"):
        if "tests" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "reason_code":
                found.add(_text(node.value) or "")
    return sorted(found - {""})


def _provider_errors() -> Iterator[str]:
    """The errors of the provider that the dispatcher knows, as reason codes."""
    for node in ast.parse((ROOT / PROTOCOL).read_text(encoding="utf-8")).body:
        name = ast.unparse(node.targets[0]) if isinstance(node, ast.Assign) else ""
        if isinstance(node, ast.Assign) and name.endswith(("_ERROR", "_ERRORS")):
            value = ast.literal_eval(node.value)
            yield from (one.lower() for one in ([value] if isinstance(value, str) else value))


def parts() -> list[str]:
    """The texts that are no whole sentences, sorted, without repeats."""
    found = {*JOURNAL_TITLES.values(), *PAYMENT_TITLES.values(), PAID_ELSEWHERE_TITLE}
    for name in PARTS:
        found.update(_parts_of(ast.parse((ROOT / name).read_text(encoding="utf-8"))))
    for name in SQL:
        for joined in SQL_TEXT.findall((ROOT / name).read_text(encoding="utf-8")):
            pieces = [piece.strip() for piece in joined.split("||")]
            text = "".join(one[1:-1] if one[0] == "'" else "{}" for one in pieces)
            if not text.startswith((",", " ")) and not text.endswith("{}{}"):
                found.add(text)
    return sorted(found)


def _parts_of(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    text = _text(node)
    if text is not None:
        if PART.fullmatch(text) and not SENTENCE.fullmatch(text):
            yield text
        return
    for child in ast.iter_child_nodes(node):
        yield from _parts_of(child)


def sentences() -> list[str]:
    """Every whole sentence, sorted, without repeats."""
    found: set[str] = set()
    for folder in ("libs", "services"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = str(path.relative_to(ROOT))
            if {"tests", "migrations"} & set(path.parts) or name.startswith(NOT_SHOWN):
                continue
            found.update(_of_tree(ast.parse(path.read_text(encoding="utf-8"))))
    for name in SQL:
        found.update(SQL_SENTENCE.findall((ROOT / name).read_text(encoding="utf-8")))
    return sorted(found)


def _of_tree(node: ast.AST) -> Iterator[str]:
    """The sentences below a node, without those of docstrings and of other calls."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    text = _text(node)
    if text is not None:
        if SENTENCE.fullmatch(text) and "\n" not in text:
            yield text
        return
    if isinstance(node, ast.Call):
        called = _name(node.func)
        if called in OTHER_CALLS:
            return
        if called in PROBLEMS:
            yield from (text for text in map(_text, node.args[2:]) if text and " " in text)
    if isinstance(node, ast.Dict):
        node.values = [
            value
            for key, value in zip(node.keys, node.values, strict=True)
            if key is None or not (_text(key) or "").startswith(FILE_FAULTS)
        ]
    for child in ast.iter_child_nodes(node):
        yield from _of_tree(child)


def _name(called: ast.expr) -> str:
    return called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")


def _text(node: ast.AST) -> str | None:
    """A literal with `{}` for each of its values; None for anything else."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if not isinstance(node, ast.JoinedStr):
        return None
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
    )
