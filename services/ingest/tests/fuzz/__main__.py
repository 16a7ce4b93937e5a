"""Search for a file that the reader of rosters crashes on, hangs on, or reads in two ways.

    python -m services.ingest.tests.fuzz [seconds]

Coverage-guided, by Atheris (libFuzzer): it begins with the files of the corpus, and changes them
where that reaches code that was not reached before. What it has learned is kept in `.cache/fuzz`.
A finding ends the search with an exit code that is not 0; the file that caused it is in
`.cache/fuzz/findings`, and `python -m services.ingest.tests.fuzz FILE` reads it alone.
"""

import sys
from pathlib import Path
from typing import Final

import atheris

with atheris.instrument_imports(include=["services.ingest.roster"]):
    from services.ingest.tests.fuzz import target

from devtools import paths
from services.ingest.tests.fuzz import seeds

FOLDER: Final = paths.CACHE / "fuzz"
USUAL_SECONDS: Final = 300
#: For one input; a good file of this size takes a hundredth of a second.
HANG_SECONDS: Final = 10
MEMORY_MB: Final = 1_024
FILE_BYTES: Final = 16_384


def main(arguments: list[str]) -> None:
    """Search for some seconds, or read one file; never returns."""
    atheris.Setup([sys.argv[0], *_options(arguments[0] if arguments else "")], target.read_whole)
    atheris.Fuzz()


def _options(argument: str) -> list[str]:
    limits = [f"-timeout={HANG_SECONDS}", f"-rss_limit_mb={MEMORY_MB}"]
    if argument and not argument.isdecimal():
        return [*limits, str(Path(argument).resolve(strict=True))]
    learned, given, findings = (FOLDER / name for name in ("learned", "given", "findings"))
    for folder in (learned, given, findings):
        folder.mkdir(parents=True, exist_ok=True)
    seeds.write_files(given)
    return [
        *limits,
        f"-max_total_time={argument or USUAL_SECONDS}",
        f"-max_len={FILE_BYTES}",
        f"-dict={seeds.write_words(FOLDER / 'words.txt')}",
        f"-artifact_prefix={findings}/",
        "-print_final_stats=1",
        str(learned),  # new inputs are written to the first folder
        str(given),
    ]


if __name__ == "__main__":
    main(sys.argv[1:])
