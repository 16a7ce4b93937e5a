"""Everything that can be wrong with a roster: a stable code and one sentence for people.

`W_` codes are warnings: shown, and acknowledged at approval. `E_FILE_` codes and `E_PARSER` reject
the file. All other `E_` codes refuse the row. Codes are a contract: add, never rename. Sentences
contain no data of the roster, so they may be logged.
"""

from typing import Final, Literal, NamedTuple

from libs.common.contracts.errors import PaydownError
from services.ingest.roster.file_place import FilePlace

IssueOutcome = Literal["file", "row", "warning"]

SENTENCES: Final[dict[str, str]] = {
    # the file
    "E_FILE_EMPTY": "The file is empty.",
    "E_FILE_TYPE": (
        "The file is not XML. Upload the roster as .xml or .xml.gz; other kinds of files are not "
        "read."
    ),
    "E_FILE_ARCHIVE": (
        "The file seems to be an archive (zip or another) or encrypted. Take the roster out of it, "
        "and upload that as .xml or .xml.gz."
    ),
    "E_FILE_SPREADSHEET": (
        "The file seems to be a spreadsheet. Export the roster as .xml from the payroll system, "
        "not through a spreadsheet: that damages account and loan numbers."
    ),
    "E_FILE_PDF": "The file seems to be a PDF. Export the roster as .xml, and upload that.",
    "E_FILE_CSV": (
        "The file seems to be a table of text, such as CSV. Export the roster as .xml, and upload "
        "that."
    ),
    "E_FILE_JSON": "The file seems to be JSON. Export the roster as .xml, and upload that.",
    "E_FILE_HTML": (
        "The file seems to be a web page, such as the log-in page of the system that it was taken "
        "from. Sign in there, and export the roster anew."
    ),
    "E_FILE_NACHA": (
        "The file seems to be a NACHA file, which is for a bank. It would pay directly; this "
        "system needs the roster. Export the roster as .xml, and upload that."
    ),
    "E_FILE_ISO20022": (
        "The file seems to be an ISO 20022 message (such as pain.001), which is for a bank. This "
        "system needs the roster. Export the roster as .xml, and upload that."
    ),
    "E_FILE_BANK": (
        "The file seems to be a file for or of a bank, or of accounting. This system needs the "
        "roster. Export the roster as .xml, and upload that."
    ),
    "E_FILE_PAYROLL": (
        "The file seems to be another payroll or tax file. This system needs the roster. Export "
        "the roster as .xml, and upload that."
    ),
    "E_FILE_OTHER_XML": (
        "The file is XML and no roster: it contains no <row>. Make sure that it is the right file, "
        "and export the roster anew."
    ),
    "E_FILE_ENCODING": (
        "The file contains bytes that are not UTF-8, nor UTF-16 with a byte order mark. It was "
        "saved in another encoding, such as Windows-1252. Export it as UTF-8."
    ),
    "E_FILE_ENCODING_DECLARED": (
        "The file declares another encoding than UTF-8 in its first line, and contains more than "
        "plain ASCII letters. Export it as UTF-8, and declare that or nothing."
    ),
    "E_FILE_ENCODING_NO_MARK": (
        "The file seems to be UTF-16 or UTF-32 without a byte order mark that is read here. Export "
        "it as UTF-8."
    ),
    "E_FILE_XML_VERSION": "The file declares an XML version other than 1.0.",
    "E_FILE_DOCTYPE": (
        "The file contains a DOCTYPE. A roster needs none, and it can carry entities, so it "
        "is not read."
    ),
    "E_FILE_ENTITY": (
        "The file uses an entity that XML does not define by itself, such as &nbsp;. Write the "
        "character instead, or its number (&#160;). An & that is text must be written &amp;."
    ),
    "E_FILE_NAMESPACE": "The file uses XML namespaces. A roster has none.",
    "E_FILE_ATTRIBUTE": "The outermost element has attributes. A roster has none.",
    "E_FILE_ATTRIBUTES": "The file contains more than 100,000 attributes. A roster has none.",
    "E_FILE_DEPTH": "Elements are nested deeper than 6 levels.",
    "E_FILE_NAME_LENGTH": "An element has a name of more than 256 characters.",
    "E_FILE_VALUE_SIZE": "A value is larger than 4,096 bytes.",
    "E_FILE_UNKNOWN_ELEMENTS": "The file contains more than 1,000 different unknown elements.",
    "E_FILE_STRAY_TEXT": "There is text between the rows.",
    "E_FILE_AMPERSAND": (
        "There is an & that begins no reference. An & in a name or another value must be written "
        "&amp;. Correct it where the file is made, and export it anew."
    ),
    "E_FILE_LESS_THAN": (
        "There is a < within a value that begins no tag. A < in a name or another value must be "
        "written &lt;. Correct it where the file is made, and export it anew."
    ),
    "E_FILE_CDATA_END": "There is ]]> within a value. It must be written ]]&gt;.",
    "E_FILE_TAGS": (
        "A tag is missing, misspelled or not complete, so that start tags and end tags do not "
        "match. Export the file anew; do not edit it by hand."
    ),
    "E_FILE_CHARACTER": (
        "There is a character that XML does not allow, such as a control character. Remove it "
        "where the file is made, and export it anew."
    ),
    "E_FILE_COMMENT": "There is -- within a comment, which XML does not allow.",
    "E_FILE_UNFINISHED": (
        "A comment, a CDATA section or an instruction begins here and never ends, so that the rest "
        "of the file cannot be read."
    ),
    "E_FILE_DECLARATION": (
        "The XML declaration (<?xml ...?>) is not correct, or not at the very beginning of the "
        "file. Nothing may be before it, no space and no empty line, and it may occur once."
    ),
    "E_FILE_MALFORMED": "The file is not well-formed XML. Export it anew.",
    "E_FILE_TRUNCATED": "The file ends too early: it is truncated. Export or upload it again.",
    "E_FILE_TRAILING": (
        "There is something after the end of the document: a second roster, or other bytes."
    ),
    "E_FILE_NO_ROWS": "The file contains no <row>, so there is nothing to pay.",
    "E_FILE_ROWS": "The file has more rows than the limit.",
    "E_FILE_BRANCHES": "The file has more than 20,000 different branches. Split it.",
    "E_FILE_SOURCES": "The file has more than 5,000 different source accounts. Split it.",
    "E_FILE_INSTITUTIONS": "The file has more than 20,000 different institutions. Split it.",
    "E_FILE_BATCH_SIZE": (
        "The file has so many branches and source accounts with such long names that its totals "
        "do not fit into one message. Split it."
    ),
    "E_FILE_TOO_LARGE": "The file is larger than the limit when inflated.",
    "E_FILE_GZIP": "The gzip file is damaged or truncated.",
    "E_PARSER": (
        "The file could not be read: the parser crashed on it, or needed too much time or "
        "memory. Nothing of it was stored."
    ),
    "E_FILE_NOT_READ": (
        "The file could not be read because of an error in this system, not in the file. Nothing "
        "of it was stored and no money is affected. Tell an operator, and upload it again later."
    ),
    # a file of mended rows
    "E_FILE_MENDED_LINK": (
        "A row has no comment before it that names the refused row it mends. Download the refused "
        "rows again, change the values alone, and leave the comments."
    ),
    "E_FILE_MENDED_ROW": (
        "A row is not among the refused rows of the batch that this file mends: its comment names "
        "another row. Leave that row out, or upload it where it belongs."
    ),
    "E_FILE_MENDED_TWICE": (
        "Two rows mend the same refused row, so it is not clear which one is meant. Leave one out."
    ),
    "E_FILE_MENDED_PERSON": (
        "A row names another employee than the refused row that it mends, and that row was not "
        "refused for its employee. A mended row pays whom the refused row was to pay."
    ),
    # the structure of a row
    "E_MISSING": "This element is missing or empty.",
    "E_TWICE": "This element occurs twice in the row, so it is not clear which one is meant.",
    "E_ATTRIBUTE": "This element has attributes. A roster has none.",
    "E_MARKUP_IN_VALUE": (
        "The value is interrupted by a comment, a processing instruction or an element."
    ),
    "E_STRAY_TEXT": "There is text between the elements of the row.",
    "W_UNKNOWN_ELEMENT": (
        "The file contains an element that this system does not know; it is ignored."
    ),
    # any value
    "E_TOO_LONG": "The value is longer than 256 characters.",
    "E_CONTROL": "The value contains control characters, line breaks or invisible characters.",
    "W_SPACES": "There are spaces before or after the value; they are dropped.",
    # Amount
    "E_AMOUNT_FORMAT": (
        "The amount is not written like $1,234.56: a dollar sign, digits, a point and "
        "exactly two digits."
    ),
    "E_AMOUNT_BELOW_MINIMUM": "The amount is below $1.00, the least the provider pays.",
    "E_AMOUNT_ABOVE_LIMIT": "The amount is above the limit for one row.",
    "W_AMOUNT_NO_DOLLAR": "The amount has no dollar sign; it is read as US dollars.",
    # Payor
    "E_ABA_FORMAT": "The routing number contains other characters than digits.",
    "E_ABA_LENGTH": (
        "The routing number does not have 9 digits. With 8 digits a leading zero may have "
        "been lost; it is never added here."
    ),
    "E_ABA_CHECKSUM": "The routing number is mistyped: its check digit is wrong.",
    "W_ABA_PREFIX": (
        "The routing number begins with digits that are assigned to no Federal Reserve district."
    ),
    "E_ACCOUNT_FORMAT": "The account number is not 1 to 17 digits.",
    "E_ACCOUNT_SPREADSHEET": (
        "The account number was damaged by a spreadsheet (scientific notation); its digits "
        "are lost."
    ),
    "E_ACCOUNT_ZEROS": (
        "The account number consists of zeros, which is no account. Write the account that pays."
    ),
    "W_ACCOUNT_NORMALISED": (
        "The account number is written with spaces or dashes; they are dropped."
    ),
    "E_EIN_FORMAT": "The EIN is not 9 digits.",
    "W_EIN_LENGTH": "The EIN has 8 digits instead of 9; a leading zero may have been lost.",
    "E_STATE_UNKNOWN": "There is no such US state.",
    "W_STATE_CASE": "The state is not written in capitals.",
    "E_ZIP_FORMAT": "The zip is not 5 digits (or 5, a dash and 4).",
    "W_ZIP_STATE": (
        "The zip is not in the state of the address. The provider refuses such a payor; a "
        "correction is offered."
    ),
    "W_ZIP_UNKNOWN": (
        "The zip begins with digits that belong to no state. The provider may refuse the payor."
    ),
    # Employee
    "E_DOB_FORMAT": "The birth date is not written MM-DD-YYYY. Other orders are never guessed.",
    "E_DOB_DATE": "The birth date does not exist in the calendar.",
    "E_DOB_RANGE": "The birth date is in the future or before 1900.",
    "E_DOB_YOUNG": (
        "The birth date makes the person younger than 14, so it is mistyped. Write the birth date "
        "from the employee's papers."
    ),
    "W_DOB_OLD": (
        "The birth date makes the person older than 100. The provider may refuse the person; "
        "compare it with the employee's papers."
    ),
    "W_DOB_DEFAULT": (
        "Systems write this birth date where there is none. Compare it with the employee's papers."
    ),
    "W_NAME_PLACEHOLDER": (
        "The name looks like a word for a missing name. The provider needs the name of the person."
    ),
    "W_NAME_ESCAPED": (
        "The name contains an escape such as &amp; or &#39; as text: it was escaped twice. "
        "Export the roster anew; the provider gets the name as it is here."
    ),
    "W_NAME_DECODED": (
        "The name contains characters of a wrong decoding, such as \u00c3\u00a9 for \u00e9. Export "
        "the roster as UTF-8; the provider gets the name as it is here."
    ),
    "E_PHONE_FORMAT": "The phone number is not +1 and 10 digits of a US number.",
    # Payee
    "E_INSTITUTION_FORMAT": "The institution is not written like ins_116944.",
    "E_LOAN_FORMAT": (
        "The loan number contains characters that are not plain letters, digits or punctuation."
    ),
    "E_LOAN_SPREADSHEET": (
        "The loan number was damaged by a spreadsheet (scientific notation); its digits are lost."
    ),
    "E_LOAN_MASKED": (
        "The loan number is masked (such as ****1234). Write the whole number; the digits that are "
        "hidden are not in the file."
    ),
    "E_LOAN_PLACEHOLDER": (
        "The loan number is a word for a missing number (such as N/A). Ask the employee for the "
        "number on the servicer's statement."
    ),
    "E_LOAN_ZEROS": (
        "The loan number consists of zeros. Ask the employee for the number on the servicer's "
        "statement."
    ),
    "E_LOAN_SHORT": (
        "The loan number has fewer than 4 letters and digits, too few for any servicer. Ask the "
        "employee for the whole number."
    ),
    "W_LOAN_SHORT": (
        "The loan number has fewer than 6 letters and digits. Make sure that it is "
        "the whole number."
    ),
    "W_LOAN_REPEATED": (
        "The loan number is one digit repeated, as in a test or in a form that had to be filled. "
        "Make sure that it is the employee's."
    ),
    "W_LOAN_NORMALISED": "The loan number is written with spaces; they are dropped.",
    "W_LOAN_CARD": "The loan number looks like the number of a payment card.",
    # between the rows
    "E_PAYOR_TWO_ACCOUNTS": (
        "This payor id has two different bank accounts in the file, so it is not clear which "
        "one pays."
    ),
    "E_PAYOR_TWO_EINS": (
        "This payor id has two different EINs in the file, so it is not clear which "
        "corporation pays."
    ),
    "E_EMPLOYEE_TWO_DOBS": (
        "This employee id has two different birth dates in the file: it may be two people."
    ),
    "E_EMPLOYEE_OTHER_DOB": (
        "This employee id is known with another birth date: it may be another person. If it is the "
        "same one, accept the change on this row, and somebody else approves it."
    ),
    "W_EMPLOYEE_NAME": "This employee id has another name elsewhere.",
    "W_EMPLOYEE_PHONE": "This employee id has another phone number elsewhere.",
    "W_EMPLOYEE_BRANCH": "This employee id has another branch elsewhere.",
    "W_EMPLOYEE_SPELLING": (
        "This employee id is written in another way elsewhere in the file. Both are taken for one "
        "person, but their rows make separate payments; make sure that none is paid twice."
    ),
    "W_LOAN_TWO_EMPLOYEES": "Another employee has this loan too.",
    "W_LOAN_SPELLING": (
        "Another row has this loan number in another spelling (letters, dashes, leading zeros). "
        "Both rows are paid, separately; make sure that the loan is not paid twice."
    ),
    "W_POSSIBLE_DUPLICATE": (
        "Another row has the same employee, source, loan and amount: a possible duplicate. "
        "Both are paid, as one payment."
    ),
    "W_PAYOR_TWO_IDS": (
        "Two payor ids have this bank account; it is one source, under the smaller id."
    ),
    "W_PAYOR_DETAILS": "This payor id has another name or address elsewhere in the file.",
}


def outcome(code: str) -> IssueOutcome:
    """What a code does: reject the file, refuse the row, or warn."""
    if code.startswith("W_"):
        return "warning"
    return "file" if code.startswith("E_FILE_") or code == "E_PARSER" else "row"


class Issue(NamedTuple):
    """An issue of one row. `value` is masked if it is personal, or an account or loan number."""

    file_row: int
    line: int
    field: str
    code: str
    value: str

    @property
    def outcome(self) -> IssueOutcome:
        """`row` or `warning`."""
        return outcome(self.code)

    @property
    def message(self) -> str:
        """The sentence for people."""
        return SENTENCES[self.code]


class FileRejected(PaydownError):
    """The file is rejected as a whole; nothing of it can be paid.

    `message` is the sentence of the code and the place where reading stopped, in words. It contains
    no data of the roster but the end of an employee id.
    """

    def __init__(self, code: str, line: int | None = None, found: str = "") -> None:
        super().__init__(SENTENCES[code], code)
        self.place = FilePlace(line=line, found=found)

    @property
    def line(self) -> int | None:
        """The line where reading stopped, if a line is the cause."""
        return self.place.line

    @property
    def message(self) -> str:
        """What happened, where, and what to do, for people."""
        return " ".join(filter(None, (SENTENCES[self.code], self.place.sentences())))

    def at(self, place: FilePlace) -> "FileRejected":
        """The same, with what `place` knows beyond it."""
        self.place = self.place.or_else(place)
        return self
