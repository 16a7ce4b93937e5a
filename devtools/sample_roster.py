"""Make sample rosters with the statistics of a real one.

    python -m devtools.sample_roster ROWS [--seed N] [-o FILE]

The same rows and seed are the same bytes. People, numbers and companies are invented. As in a real
file, the payor's zip (67485, Kansas) is not in its state (IA), its EIN has 8 digits, four of five
routing prefixes are unassigned, and one institution has no merchant at the provider.
"""

import argparse
import random
import sys
import uuid
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import BinaryIO, Final

INSTITUTIONS: Final = (
    "ins_116944",
    "ins_108798",
    "ins_116304",
    "ins_116248",
    "ins_116950",
    "ins_116861",
    "ins_116866",
    "ins_116945",
    "ins_116947",
    "ins_116527",  # no merchant
)
EIN: Final = "32120240"
ROUTING_PREFIXES: Final = ("03", "14", "18", "40", "54")
BRANCHES: Final = 30
ROWS_PER_EMPLOYEE: Final = 5
APOSTROPHE_SHARE: Final = 0.017

# Beginnings and endings: enough names to make 35 pairs of namesakes among 10,000 people.
_FIRST: Final = """
    Al An Ar Bel Bren Cal Car Chris Clar Da Del Dor El Em Es Fre Ger Hal Har Is Jan Jo Jul Kel
    Lau Leo Lu Mar Mel Nor Pat Ro Sam Ter Wil
    | a ana ane an bert bin den dine don ella ena erie etta ia ice ida ina ine ira is la len lie
    lin lyn man mer na ney ra ron sa ton vin y"""
_LAST: Final = """
    Ack Bar Beck Ber Bow Bran Brad Car Col Cun Dan Dick Fran Ger Gray Hal Har Hen Jen Ker Lan
    Lock Mar Mor Nich Pol Rob Ros Sand Sim Tor Wal Wat
    | ard bach berg bert by den dall der ding don er ett ford hart ing ington ison ker land ley
    man mann mer ner ning rell ridge sen son ton"""
_ADDRESS: Final = (
    "<Line1>84 Harbor Lights</Line1><City>Port Ellsworth</City><State>IA</State><Zip>67485</Zip>"
)


def make(rows: int, seed: int = 1) -> bytes:
    """A roster of `rows` rows in memory (725 bytes each)."""
    return b"".join(_pieces(rows, seed))


def write(path: Path, rows: int, seed: int = 1) -> None:
    """The same roster as a file, written row by row."""
    with path.open("wb") as file:
        _write(file, rows, seed)


def _write(file: BinaryIO, rows: int, seed: int) -> None:
    file.writelines(_pieces(rows, seed))


def _pieces(rows: int, seed: int) -> Iterator[bytes]:
    chance = random.Random(seed)  # noqa: S311 - sample data
    payors = [_payor(chance, prefix) for prefix in ROUTING_PREFIXES]
    branches = [_id(chance, "BRC") for _ in range(BRANCHES)]
    # each row draws its employee, so the rows of an employee are Poisson(5)
    employees = [_employee(chance, branches) for _ in range(max(1, rows // ROWS_PER_EMPLOYEE))]
    loans: set[tuple[str, int]] = set()
    yield b"<root>"
    for _ in range(rows):
        institution, loan = _loan(chance, loans)
        cents = chance.randint(1_00, 10_99)
        yield (
            f"<row>{chance.choice(employees)}{chance.choice(payors)}"
            f"<Payee><PlaidId>{institution}</PlaidId>"
            f"<LoanAccountNumber>{loan:08d}</LoanAccountNumber></Payee>"
            f"<Amount>${cents // 100}.{cents % 100:02d}</Amount></row>"
        ).encode()
    yield b"</root>"


def _loan(chance: random.Random, taken: set[tuple[str, int]]) -> tuple[str, int]:
    """A loan that no row has yet; its number may exist at another institution."""
    while (loan := (chance.choice(INSTITUTIONS), chance.randrange(100_000_000))) in taken:
        pass
    taken.add(loan)
    return loan


def _employee(chance: random.Random, branches: list[str]) -> str:
    first, last = _name(chance, _FIRST), _name(chance, _LAST)
    if chance.random() < APOSTROPHE_SHARE:
        last = f"O'{last}"
    born = date(1960, 1, 1) + timedelta(days=chance.randrange(45 * 365))
    phone = f"+1{chance.randint(200, 999)}{chance.randint(200, 999)}{chance.randrange(10_000):04d}"
    return (
        f"<Employee><DunkinId>{_id(chance, 'EMP')}</DunkinId>"
        f"<DunkinBranch>{chance.choice(branches)}</DunkinBranch>"
        f"<FirstName>{first}</FirstName><LastName>{last}</LastName>"
        f"<DOB>{born:%m-%d-%Y}</DOB><PhoneNumber>{phone}</PhoneNumber></Employee>"
    )


def _name(chance: random.Random, parts: str) -> str:
    return "".join(chance.choice(part.split()) for part in parts.split("|"))


def _payor(chance: random.Random, prefix: str) -> str:
    digits = f"{prefix}{chance.randrange(1_000_000):06d}"
    check = (
        -sum(
            weight * int(digit)
            for weight, digit in zip((3, 7, 1, 3, 7, 1, 3, 7), digits, strict=True)
        )
        % 10
    )
    account = f"{chance.randint(10_000_000, 99_999_999)}"
    return (
        f"<Payor><DunkinId>{_id(chance, 'CORP')}</DunkinId>"
        f"<ABARouting>{digits}{check}</ABARouting><AccountNumber>{account}</AccountNumber>"
        f"<Name>Dunkin' Donuts LLC</Name><DBA>Dunkin' Donuts</DBA>"
        f"<EIN>{EIN}</EIN><Address>{_ADDRESS}</Address></Payor>"
    )


def _id(chance: random.Random, prefix: str) -> str:
    return f"{prefix}-{uuid.UUID(int=chance.getrandbits(128), version=4)}"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m devtools.sample_roster", description="Make a sample roster."
    )
    parser.add_argument("rows", type=int, metavar="ROWS")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "-o", dest="file", type=Path, help="where to write it (default: standard output)"
    )
    arguments = parser.parse_args()
    if arguments.rows < 1:
        parser.error("ROWS must be at least 1")
    if arguments.file:
        write(arguments.file, arguments.rows, arguments.seed)
    else:
        _write(sys.stdout.buffer, arguments.rows, arguments.seed)


if __name__ == "__main__":
    main()
