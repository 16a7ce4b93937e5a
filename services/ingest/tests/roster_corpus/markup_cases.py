"""Cases of markup that cannot be read. The mark is where the fault is."""

from collections.abc import Iterator

from services.ingest.tests.roster_corpus.builder import HERE, leaf
from services.ingest.tests.roster_corpus.cases import MarkupCase

#: Code, and texts within a value. The mark says in which line the fault is.
_IN_VALUES = {
    "E_FILE_AMPERSAND": (
        *(
            "Lee &| Son",
            "Lee &|",
            "A&B|",
            "&| Lee",
            "R&D|",
            "Lee &&| Son",
            "Lee &amp| Son",
            "&#x|",
            "A&1|",
        ),
        "Lee\n&| Son",
    ),
    "E_FILE_ENTITY": ("A&nbsp;|B", "Jos&eacute;|", "A&B;|", "&hellip;|", "&copy;| Lee"),
    "E_FILE_LESS_THAN": (
        *(
            "Lee <| Son",
            "Lee <|3",
            "Lee <|",
            "Lee <Jr|",
            "Lee <Jr| of Ames",
            "Lee <b>Jr|",
            "a < b > c|",
        ),
        *("Ida <ida@|example.com>", "Lee <|!Son", "Lee <|= 3", "<|<Lee>>", "Lee <|-- Son", "<Jr.|"),
        "Lee\n<| Son",
    ),
    "E_FILE_CDATA_END": ("Lee ]]>| Son",),
    "E_FILE_UNFINISHED": ("Lee <!-- Son|", "Lee <![CDATA[Son|", "Lee <?Son |"),
    "E_FILE_CHARACTER": (
        "Lee\x01|",
        "Lee\0|",
        "Lee\x1b|",
        "Lee&#0;|",
        "Lee&#1;|",
        "Lee&#xFFFE;|",
        "Lee\ufffe|",
        "Lee\x0b|",
    ),
}
_FOUND = {
    "Lee\x01|": "U+0001",
    "Lee\0|": "U+0000",
    "Lee\x1b|": "U+001B",
    "Lee&#0;|": "U+0000",
    "Lee&#1;|": "U+0001",
    "Lee&#xFFFE;|": "U+FFFE",
    "Lee\ufffe|": "U+FFFE",
    "Lee\x0b|": "U+000B",
}


def all_cases() -> Iterator[MarkupCase]:
    """All cases of markup that cannot be read."""
    for code, texts in _IN_VALUES.items():
        for text in texts:
            for path in ("Employee/LastName", "Payor/Name"):
                change = {path: leaf(path, text.replace("|", HERE))}
                found = _FOUND.get(text, "")
                yield MarkupCase("markup in values", f"{path} {text!r}", change, code, path, found)
    yield from _tags()
    yield from _between()


def _tags() -> Iterator[MarkupCase]:
    city, address = "Payor/Address/City", "Payor/Address"

    def of_city(text: str, field: str, found: str = "") -> MarkupCase:
        change = {city: text.replace("|", HERE)}
        return MarkupCase("tags", f"City is {text!r}", change, "E_FILE_TAGS", field, found)

    yield of_city("<City>Ames</Town>|", city)
    yield of_city("<City>Ames</city>|", city)
    yield of_city("<City>Ames</Stat|e>", city, "</State> where <City> is still open")
    state = f"{HERE}{leaf('State', 'IA')}"
    yield MarkupCase(
        "tags",
        "an end tag without >",
        {city: "<City>Ames</City", "Payor/Address/State": state},
        "E_FILE_TAGS",
        city,
    )
    yield of_city("<City|Ames</City>", address)
    yield of_city("City>Ames</City|>", address, "</City> where <Address> is still open")
    yield of_city("<| City>Ames</City>", address)
    yield of_city("<|1City>Ames</1City>", address)
    yield of_city("<City a=|1>Ames</City>", address)
    yield of_city("<City a='1' a='2'|>Ames</City>", address)
    yield of_city("<City a='1>Ames|</City>", address)
    yield of_city("<City a|>Ames</City>", address)
    yield MarkupCase(
        "tags",
        "no end of a leaf",
        {city: "<City>Ames", "</Payor/Address>": f"{HERE}</Address>"},
        "E_FILE_TAGS",
        city,
        "</Address> where <City> is still open",
    )
    yield MarkupCase(
        "tags",
        "no end of a group",
        {"</Employee>": None, "</row>": f"{HERE}</row>"},
        "E_FILE_TAGS",
        "Employee",
        "</row> where <Employee> is still open",
    )
    yield MarkupCase(
        "tags",
        "no begin of a group",
        {"<Employee>": None, "</Employee>": f"{HERE}</Employee>"},
        "E_FILE_TAGS",
        "",
        "</Employee> where <row> is still open",
    )
    yield MarkupCase(
        "tags",
        "an end tag too many",
        {"</row>": f"</row>\n{HERE}</row>"},
        "E_FILE_TAGS",
        "",
        "</row> where <root> is still open",
        in_row=False,
        row_is_whole=True,
    )


def _between() -> Iterator[MarkupCase]:
    kind = "markup between rows"
    for name, text, code in (
        ("a declaration", f"<?xml version='1.0'?>{HERE}<row>", "E_FILE_DECLARATION"),
        ("a comment with --", f"<!-- a --{HERE} b --><row>", "E_FILE_COMMENT"),
        ("text", f"lost{HERE}<row>", "E_FILE_STRAY_TEXT"),
        ("a DOCTYPE", f"<{HERE}!DOCTYPE row><row>", "E_FILE_TAGS"),
    ):
        yield MarkupCase(kind, name, {"<row>": text}, code, in_row=False)
    for name, text, code in (
        ("a second root", f"</row></root>{HERE}<root>", "E_FILE_TRAILING"),
        ("a comment without end", f"</row>{HERE}<!-- x", "E_FILE_UNFINISHED"),
        ("junk after the end", f"</row></root>{HERE}x", "E_FILE_TRAILING"),
    ):
        yield MarkupCase(kind, name, {"</row>": text}, code, in_row=False, row_is_whole=True)
    for name, text, code in (
        ("a namespace", f"{HERE}<row xmlns='urn:x'>", "E_FILE_NAMESPACE"),
        ("a prefix", f"{HERE}<row xmlns:x='urn:x'>", "E_FILE_NAMESPACE"),
    ):
        yield MarkupCase(kind, name, {"<row>": text}, code, in_row=False)
    deep = {"<Employee>": f"<a><b><c><d>{HERE}<e/></d></c></b></a><Employee>"}
    yield MarkupCase(kind, "too deep", deep, "E_FILE_DEPTH")
    long = {"Payor/Name": leaf("Name", f"{'x' * 4097}{HERE}")}
    yield MarkupCase(kind, "a value too large", long, "E_FILE_VALUE_SIZE", "Payor/Name")
    too_long = {"<Employee>": f"{HERE}<{'a' * 257}/><Employee>"}
    yield MarkupCase(kind, "a name too long", too_long, "E_FILE_NAME_LENGTH")
