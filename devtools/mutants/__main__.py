"""`make mutants`: break the money path in every listed way; each way must be seen."""

import sys
import time

from devtools.mutants.catalog import MUTANTS
from devtools.mutants.checks import PURE
from devtools.mutants.runner import run_all
from ops.errors import CommandError, exit_code


def main(words: list[str]) -> int:
    """Run all mutants, or those whose name contains one of the words; 1 if one survives.

    The word `pure` chooses those whose check needs no database.
    """
    chosen = [
        one
        for one in MUTANTS
        if not words
        or any(word in one.name for word in words)
        or ("pure" in words and one.check in PURE)
    ]
    if not chosen:
        raise CommandError(f"no mutant is named like {', '.join(words)}")
    began = time.monotonic()
    verdicts = run_all(chosen, with_database=any(one.check not in PURE for one in chosen))
    bad = [one for one in verdicts if one.word != "caught"]
    for one in bad:
        print(f"\n{one.word}: {one.mutant.name} ({one.mutant.file}), check {one.mutant.check}")
        if one.word == "error":
            print(one.output)
    caught = len(verdicts) - len(bad)
    print(f"\n{caught} of {len(verdicts)} caught in {time.monotonic() - began:.0f} s")
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(exit_code(lambda: main(sys.argv[1:])))
