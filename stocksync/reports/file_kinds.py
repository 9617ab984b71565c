"""What kind of file was handed back, by its first bytes: a name proves nothing."""

from __future__ import annotations

import re
from typing import Final

from stocksync.reports.refusals import Refusal, Refused

_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_COMPOUND: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED: Final = "EncryptedPackage".encode("utf-16-le")
_OLD_EXCEL: Final = ("un ancien classeur Excel (.xls)", "an old Excel workbook (.xls)")
_PICTURE: Final = ("une image", "a picture")
_ARCHIVE: Final = ("une archive", "an archive")
_MARKUP: Final = ("une page HTML ou XML", "an HTML or XML page")
_KINDS: Final = (
    (b"%PDF", ("un PDF", "a PDF")),
    (b"\x89PNG", _PICTURE),
    (b"\xff\xd8\xff", _PICTURE),
    (b"GIF8", _PICTURE),
    (b"II*\0", _PICTURE),
    (b"MM\0*", _PICTURE),
    (b"{\\rtf", ("un document RTF", "an RTF document")),
    (b"\x1f\x8b", _ARCHIVE),
    (b"7z\xbc\xaf", _ARCHIVE),
    (b"Rar!", _ARCHIVE),
    (b"SQLite format 3", ("une base de données", "a database")),
)
_HIGH_EFFICIENCY_PICTURE: Final = re.compile(rb"....ftyp(?:heic|heix|mif1|avif)", re.DOTALL)
_MARKUP_START: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*<[!?a-z]", re.IGNORECASE)


def is_workbook(raw: bytes) -> bool:
    """Tell a workbook (True) from a text; raises `Refused` for what is neither."""
    if not raw.strip(b"\xef\xbb\xbf\xff\xfe \t\r\n\0"):
        raise Refused(Refusal.EMPTY)
    if raw.startswith(_ZIP):
        return True
    if raw.startswith(_COMPOUND):
        raise Refused(Refusal.PASSWORD) if _ENCRYPTED in raw else Refused(Refusal.OTHER_KIND, kind=_OLD_EXCEL)
    if kind := _other_kind(raw):
        raise Refused(Refusal.OTHER_KIND, kind=kind)
    return False


def _other_kind(raw: bytes) -> tuple[str, str] | None:
    if _HIGH_EFFICIENCY_PICTURE.match(raw):
        return _PICTURE
    if _MARKUP_START.match(raw):
        return _MARKUP
    return next((kind for start, kind in _KINDS if raw.startswith(start)), None)
