"""How a system is reached that exchanges files, as `connection` says it: which files come, which go out, how they read.

The address of the point of sale (an environment variable) names the folder that all folders here are relative to: a
path, `file:///...`, or `sftp://user@host:port/path`. Secrets are named here and listed under `secrets` there.

Not here: what a field means. Decimal marks, dates and codes are the fields' converters, as for every protocol.
"""

from __future__ import annotations

import codecs
import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, model_validator

from stocksync.mapping.strict import Strict

STAMP_LETTERS: Final = {"yyyy": r"\d{4}", "mm": r"\d\d", "dd": r"\d\d", "hh": r"\d\d", "mi": r"\d\d", "ss": r"\d\d"}
PLACEHOLDERS: Final = re.compile(r"\{([a-z_]+)\}")
FIELD_IN_TEXT: Final = re.compile(r"\{([^{}]+)\}")
"""A record's own field, by its path, in the text of an added one."""


def _folder(text: str) -> str:
    steps = text.split("/")
    if text != "." and (text.startswith("/") or not all(steps) or {".", ".."} & set(steps) or "\\" in text):
        raise ValueError('a folder below the address is due, such as "export/vo", or "." for the address itself')
    if not text.isprintable():
        raise ValueError("a folder's name holds printable characters only")
    return text


def _pattern(text: str) -> str:
    if not text or text.startswith(".") or not text.isprintable() or "/" in text or "\\" in text:
        raise ValueError('a file name is due, without folders and not hidden, such as "vo_{point_of_sale}_{stamp}.csv"')
    said = PLACEHOLDERS.findall(text)
    if len(said) != len(set(said)) or "{" in PLACEHOLDERS.sub("", text) or "}" in PLACEHOLDERS.sub("", text):
        raise ValueError("each {placeholder} stands once, in lower case, and nothing else has braces")
    return text


def _allowing(*names: str) -> AfterValidator:
    def check(text: str) -> str:
        for said in PLACEHOLDERS.findall(_pattern(text)):
            if said not in names:
                raise ValueError(f"{{{said}}} is not known here; {', '.join(f'{{{name}}}' for name in names)} are")
        return text

    return AfterValidator(check)


def _stamp(letters: str) -> str:
    rest = letters
    for part in STAMP_LETTERS:
        if letters.count(part) > 1:
            raise ValueError(f"{part} stands twice")
        rest = rest.replace(part, "")
    if any(part not in letters for part in ("yyyy", "mm", "dd")) or re.search(r"[^-_.T]", rest):
        raise ValueError('yyyy, mm and dd are due, hh, mi and ss may follow, such as "yyyymmddhhmiss"')
    return letters


def _encoding(name: str) -> str:
    try:
        codecs.lookup(name)
        "é".encode(name)
    except (LookupError, UnicodeEncodeError, ValueError, TypeError):
        raise ValueError('the name of a text encoding is due, such as "cp1252", "utf-8-sig" or "latin-1"') from None
    return name


def _added(fields: dict[str, str]) -> dict[str, str]:
    for path, text in fields.items():
        read = FIELD_IN_TEXT.findall(text)
        rest = FIELD_IN_TEXT.sub("", text)
        if not text or "{" in rest or "}" in rest or not all(all(field.split(".")) for field in (path, *read)):
            raise ValueError(f'{path}: a text is due, in which only {{fields}} have braces, such as "{{vin}} {{site}}"')
        if fields.keys() & {*read}:
            raise ValueError(f"{path}: it is made of the records' own fields, not of other added ones")
    return fields


Folder = Annotated[str, AfterValidator(_folder)]
IncomingPattern = Annotated[str, _allowing("point_of_sale", "stamp")]
OutgoingPattern = Annotated[str, _allowing("point_of_sale", "stamp", "key")]
MarkerPattern = Annotated[str, _allowing("name", "stem")]
XmlName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$")]

# What a file is made of ------------------------------------------------------------------------------------


class TrailerModel(Strict):
    """The last line of a file, which says how many records stand before it; a file without it was cut short."""

    mark: str = Field(min_length=1, description="what its first cell holds, such as FIN")
    count_at: int = Field(default=2, ge=2, le=1000, description="in which column, counted from 1, the number stands")


class CsvFormat(Strict):
    """Separated values; the first line names the columns, unless `positions` does.

    A dot in a column's name is a step of a path: `prix.ttc` is the field `ttc` of `prix`.
    """

    type: Literal["csv"] = Field(description="separated values")
    separator: str = Field(default=";", min_length=1, max_length=1, description='one character; "\\t" is a tab')
    encoding: Annotated[str, AfterValidator(_encoding)] = Field(
        default="utf-8-sig", description="utf-8-sig reads UTF-8 with or without its mark, and writes it with it"
    )
    quoting: Literal["minimal", "all", "none"] = Field(
        default="minimal", description="which cells are written in double quotes; `none`: quotes mean nothing"
    )
    positions: list[str] | None = Field(default=None, description="names of the columns, of a file without a header")
    trailer: TrailerModel | None = Field(default=None, description="the last line, where it says how many came before")
    line_end: Literal["crlf", "lf"] = Field(default="crlf", description="how lines are ended that are written")
    ends_with_line_end: bool = Field(
        default=True, description="false for files whose last line has no end: then only a trailer shows a cut file"
    )

    @model_validator(mode="after")
    def _agree(self) -> CsvFormat:
        if self.separator in '"\r\n' or not (self.separator.isprintable() or self.separator == "\t"):
            raise ValueError("this character cannot separate cells")
        if self.positions is not None and (len(set(self.positions)) != len(self.positions) or not self.positions):
            raise ValueError("`positions` names each column once")
        return self


class JsonFormat(Strict):
    """One JSON text, in UTF-8."""

    type: Literal["json"] = Field(description="one JSON text")
    items: str = Field(default="", description="path of the list of records; empty where the list is the whole text")
    count: str | None = Field(default=None, description="path of the number of records, which is checked")

    @model_validator(mode="after")
    def _agree(self) -> JsonFormat:
        if self.count is not None and not self.items:
            raise ValueError("`count` needs `items`: a text that is a list has no place for a number")
        return self


class NdjsonFormat(Strict):
    """One JSON object a line, in UTF-8; the last line is ended too."""

    type: Literal["ndjson"] = Field(description="one JSON object a line")


class XmlFormat(Strict):
    """XML without DTD and entities; a record's children become fields, its attributes `@name`, a mixed text `#text`.

    Namespaces are left out of the names.
    """

    type: Literal["xml"] = Field(description="XML")
    record: Annotated[list[XmlName], Field(min_length=2, max_length=10)] = Field(
        description="names of the elements from the root to the record, such as [stock, vehicule]"
    )
    count: XmlName | None = Field(
        default=None, description="attribute of the root that holds the number of records, which is checked"
    )


FileFormat = Annotated[CsvFormat | JsonFormat | NdjsonFormat | XmlFormat, Field(discriminator="type")]

# What comes --------------------------------------------------------------------------------------------------


class DoneMarker(Strict):
    """A file is whole once a second one, empty or not, stands beside it."""

    when: Literal["done_marker"] = Field(description="a second file says so")
    name: MarkerPattern = Field(
        default="{name}.ok", description="its name: {name} is that of the file, {stem} the same without its ending"
    )

    @model_validator(mode="after")
    def _agree(self) -> DoneMarker:
        if len(PLACEHOLDERS.findall(self.name)) != 1 or self.name == "{name}":
            raise ValueError("a marker's name holds {name} or {stem}, and something besides")
        return self


class Settled(Strict):
    """A file is whole once its size and time have not changed for so long, on the clock of the drive it is on."""

    when: Literal["settled"] = Field(description="nobody touched it for a while")
    settled_s: int = Field(default=60, ge=0, le=86_400, description="for so long")


Ready = Annotated[DoneMarker | Settled, Field(discriminator="when")]


class OneOfValues(Strict):
    """A field that holds one of some texts."""

    field: str = Field(description="path of the field, with dots")
    values: list[str] = Field(min_length=1, description="the texts")


class IncomingFiles(Strict):
    """Files in which the system lists its records.

    The newest whole `complete` file holds, and on top of it the `changes` that came later, in order of their stamps.
    A file that was cut short or cannot be read is never taken: the run ends, and says so.
    """

    contents: Literal["complete", "changes"] = Field(description="whether a file lists everything, or what changed")
    folder: Folder = Field(description='where they are, below the address; "." for the address itself')
    pattern: IncomingPattern = Field(
        description="{point_of_sale} is the system's own code, {stamp} the instant that orders the files; without a "
        "stamp one file is written over and over, and its time orders it"
    )
    stamp: Annotated[str, AfterValidator(_stamp)] = Field(
        default="yyyymmddhhmiss", description="how the stamp is spelled: yyyy, mm, dd, hh, mi, ss and - _ . T"
    )
    format: FileFormat = Field(description="how they read")
    ready: Ready = Field(default=Settled(when="settled"), description="what shows that a file is whole")
    point_of_sale_field: str | None = Field(
        default=None, description="path of the system's code of the point of sale; rows of others are left out"
    )
    adds: Annotated[dict[str, str], AfterValidator(_added)] = Field(
        default_factory=dict,
        description="fields that the files lack and every record gets, by path: a text, in which {FIELD} is what the "
        'record holds there, such as on_sale, or "{VIN} {Dealer}" where only both together tell records apart; empty '
        "where one of those is empty",
    )
    same_id: Literal["refused", "numbered"] = Field(
        default="refused",
        description="of complete files: what a second row with the same id means that says something else: that the "
        'file cannot be taken, or a record of its own, whose id is then numbered: "ID #2"',
    )
    records: Literal["whole", "partial"] = Field(
        default="whole", description="of changes: whether a row is the record, or only the fields that changed"
    )
    removed: OneOfValues | None = Field(default=None, description="of changes: what marks a record that is gone")
    stale_after_h: int | None = Field(
        default=None, ge=1, le=8760, description="of complete files: a listing whose last file is older does not count"
    )
    largest_mb: int = Field(default=50, ge=1, le=500, description="a file larger than this is not read")

    @model_validator(mode="after")
    def _agree(self) -> IncomingFiles:
        if self.contents == "complete" and (self.records == "partial" or self.removed is not None):
            raise ValueError("a complete listing has neither partial records nor removed ones")
        if self.contents == "changes" and "{stamp}" not in self.pattern:
            raise ValueError("files of changes need a {stamp}: it says which comes first")
        if self.contents == "changes" and self.same_id != "refused":
            raise ValueError("`same_id` is said of the complete files: of changes the last one holds")
        if self.records == "partial" and self.adds:
            raise ValueError("`adds` goes with whole records: a partial one may lack what they are made of")
        if self.contents == "changes" and self.stale_after_h is not None:
            raise ValueError("`stale_after_h` is said of the complete files, and counts both")
        return self


# What goes out -----------------------------------------------------------------------------------------------


class VerbModel(Strict):
    """How a row says what it asks for; without `reserve` the system takes no reservations."""

    field: str = Field(description="path of the field that says it; of XML `@name` is an attribute")
    create: str = Field(description="what it says where a record is to be created")
    update: str = Field(description="what it says where a record is to be changed")
    reserve: str | None = Field(default=None, description="what it says where a record is to be reserved")


class OutgoingFiles(Strict):
    """Files by which records are created and changed; they appear whole, under names that are unique and in order."""

    folder: Folder = Field(description="where the system takes them from, below the address")
    pattern: OutgoingPattern = Field(
        description="{stamp} and {key} are due: they make names unique and in order; {point_of_sale} may stand too"
    )
    format: FileFormat = Field(description="how they are written")
    one_file_per: Literal["write", "run"] = Field(
        default="write", description="whether each write goes out at once, or all of a run when it ends"
    )
    fields: Literal["changed", "whole"] = Field(
        default="changed", description="whether a row has the id and what changes, or the whole record as last listed"
    )
    columns: list[str] | None = Field(
        default=None, description="of CSV: every column, in order; left out, those of the rows of the file"
    )
    unchanged_as: str | None = Field(
        default=None, description="of CSV: what a cell holds that is not to be changed, where empty means emptied"
    )
    verb: VerbModel = Field(description="how a row says what it asks for")
    key_field: str | None = Field(default=None, description="where a row holds the key by which a repeat is known")
    reservation: dict[str, str | bool | int] = Field(
        default_factory=dict, description="what a reservation's row says besides its verb, by path"
    )
    creates: bool = Field(default=True, description="false where the system takes no new records")
    confirm_within_h: int = Field(
        default=48, ge=1, le=8760, description="after so long without a trace in the listings a write is made again"
    )
    memory: Folder = Field(
        default=".", description="where the file stands in which stocksync keeps what it wrote and is not yet listed"
    )

    @model_validator(mode="after")
    def _agree(self) -> OutgoingFiles:
        if not {"stamp", "key"} <= set(PLACEHOLDERS.findall(self.pattern)):
            raise ValueError("the pattern needs {stamp} and {key}")
        if not isinstance(self.format, CsvFormat):
            if self.columns is not None or self.unchanged_as is not None:
                raise ValueError("`columns` and `unchanged_as` are for CSV")
            return self
        if self.format.positions is not None:
            raise ValueError("of outgoing CSV the columns are `columns`; with a header they are written first")
        several = self.columns is not None or self.one_file_per == "run"
        if self.fields == "changed" and several and self.unchanged_as is None:
            raise ValueError("a cell that is left alone would look like one that is emptied: say `unchanged_as`")
        return self

    @model_validator(mode="after")
    def _apart(self) -> OutgoingFiles:
        if self.memory == self.folder:
            raise ValueError("`memory` is kept where the system takes nothing from")
        return self


class AcknowledgementFiles(Strict):
    """Files in which the system answers outgoing ones: one row for each row.

    Without them a write is confirmed by the next listing that shows it.
    """

    folder: Folder = Field(description="where the system puts them, below the address")
    pattern: MarkerPattern = Field(description="{name} is the outgoing file's name, {stem} without its ending")
    format: FileFormat = Field(description="how they read")
    ready: Ready = Field(default=Settled(when="settled", settled_s=1), description="what shows that one is whole")
    status: str = Field(description="path of what became of the row")
    accepted: list[str] = Field(min_length=1, description="statuses of what was carried out; all others are refusals")
    key: str | None = Field(default=None, description="path of the row's key; due where a file has several rows")
    message: str | None = Field(default=None, description="path of what it says about a refusal")
    refused_field: str | None = Field(default=None, description="path of the name of the field that was refused")
    new_id: str | None = Field(default=None, description="path of the id that a creation was given")
    wait_s: int = Field(default=30, ge=0, le=600, description="how long a write waits for its answer")
    listed_within_s: int = Field(
        default=900, ge=0, le=604_800, description="how long after its answer a listing may still lack a write"
    )
    largest_mb: int = Field(default=5, ge=1, le=100, description="a file larger than this is not read")


class ArchiveModel(Strict):
    """Where files go that newer ones have replaced; left out, they stay where they are."""

    folder: Folder = Field(description="below the address; the system lists nothing there")
    keep_days: int = Field(default=30, ge=1, le=3650, description="after so many days there they are deleted")


class SftpModel(Strict):
    """How an SFTP server is known and entered; all of these name secrets of the point of sale.

    The server's key is never taken on trust: `fingerprint` (SHA256:... as ssh-keygen -l prints it) or `known_hosts`
    (path of such a file).
    """

    fingerprint: str | None = Field(default=None, description="secret that holds the server's key, SHA256:...")
    known_hosts: str | None = Field(default=None, description="secret that holds the path of a file of known hosts")
    key_file: str | None = Field(default=None, description="secret that holds the path of our private key")
    passphrase: str | None = Field(default=None, description="secret that opens our private key")
    password: str | None = Field(default=None, description="secret that is our password")
    timeout_s: int = Field(default=30, ge=1, le=600, description="how long the server may leave us without an answer")

    @model_validator(mode="after")
    def _agree(self) -> SftpModel:
        if (self.fingerprint is None) == (self.known_hosts is None):
            raise ValueError("say `fingerprint` or `known_hosts`: a server whose key is not known is not talked to")
        if (self.key_file is None) == (self.password is None):
            raise ValueError("say `key_file` or `password`")
        if self.passphrase is not None and self.key_file is None:
            raise ValueError("`passphrase` goes with `key_file`")
        return self

    @property
    def secrets(self) -> tuple[str, ...]:
        """The names of the secrets that are needed."""
        said = (self.fingerprint, self.known_hosts, self.key_file, self.passphrase, self.password)
        return tuple(name for name in said if name is not None)


class FilesConnection(Strict):
    """A system that exchanges files through a folder or an SFTP server."""

    protocol: Literal["files"] = Field(description="files in a folder or on an SFTP server")
    incoming: list[IncomingFiles] = Field(
        min_length=1, max_length=2, description="files in which records are listed: complete ones, and of changes"
    )
    outgoing: OutgoingFiles | None = Field(default=None, description="left out, nothing is ever written there")
    acknowledgements: AcknowledgementFiles | None = Field(
        default=None,
        description="files that answer outgoing ones; left out, the next listings show what became of them",
    )
    archive: ArchiveModel | None = Field(default=None, description="where files go that newer ones have replaced")
    sftp: SftpModel | None = Field(default=None, description="due iff the address begins with sftp://")
    concurrency: int = Field(default=4, ge=1, le=64, description="writes that wait for their answers at once")

    @model_validator(mode="after")
    def _agree(self) -> FilesConnection:
        contents = [files.contents for files in self.incoming]
        if contents.count("complete") != 1:
            raise ValueError("one of `incoming` lists everything (contents: complete), the other what changed")
        if len({"{point_of_sale}" in files.pattern for files in self.incoming}) != 1:
            raise ValueError("{point_of_sale} stands in both patterns of `incoming`, or in none")
        if len({files.point_of_sale_field for files in self.incoming}) != 1:
            raise ValueError("`point_of_sale_field` is the same for both of `incoming`")
        if self.outgoing is not None and self.outgoing.fields == "whole" and any(f.adds for f in self.incoming):
            raise ValueError("`adds` would go out in whole records: say `fields: changed` of `outgoing`")
        if self.acknowledgements is not None:
            self._check_answers(self.acknowledgements)
        return self

    def _check_answers(self, answers: AcknowledgementFiles) -> None:
        if self.outgoing is None:
            raise ValueError("there are no acknowledgements where nothing goes out")
        if self.outgoing.one_file_per == "run" and (answers.key is None or answers.wait_s > 0):
            raise ValueError("a file per run is answered after the run: give the answers a `key`, and wait_s 0")

    @property
    def complete(self) -> IncomingFiles:
        """The files that list everything."""
        return next(files for files in self.incoming if files.contents == "complete")

    @property
    def changes(self) -> IncomingFiles | None:
        """The files that list what changed, None where there are none."""
        return next((files for files in self.incoming if files.contents == "changes"), None)

    @property
    def create(self) -> OutgoingFiles | None:
        """How a record is created, None where it cannot be."""
        return self.outgoing if self.outgoing is not None and self.outgoing.creates else None

    @property
    def update(self) -> OutgoingFiles | None:
        """How a record is changed, None where it cannot be."""
        return self.outgoing

    @property
    def reserve(self) -> OutgoingFiles | None:
        """How a reservation is set, None where it cannot be."""
        return self.outgoing if self.outgoing is not None and self.outgoing.verb.reserve is not None else None

    @property
    def secret_names(self) -> tuple[str, ...]:
        """The names of the secrets that a point of sale must list."""
        return self.sftp.secrets if self.sftp is not None else ()
