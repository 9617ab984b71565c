"""How a long listing comes in pages, as `connection: list: paging:` says it, and what shows that none is missing.

A listing counts only if it is complete. A total, a number of pages, or a stated "no next" prove it. A system that
gives none of these needs a declaration: `complete_when` says what its last page looks like, and whoever writes it
answers for that.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stocksync.mapping.strict import Header, Parameter, Strict


class _Counted(Strict):
    total: str | None = Field(
        default=None, description="path, in the answer, of the number of records in the whole listing"
    )
    total_header: Header | None = Field(
        default=None, description="header with the number of records in the whole listing, such as X-Total-Count"
    )

    @property
    def has_total(self) -> bool:
        """Whether every page says how many records there are in all."""
        return self.total is not None or self.total_header is not None

    @model_validator(mode="after")
    def _one_total(self) -> Self:
        if self.total is not None and self.total_header is not None:
            raise ValueError("total or total_header is due, not both")
        return self


class CursorPaging(_Counted):
    """Pages chained by an opaque cursor; complete iff the last one names no next."""

    style: Literal["cursor"] = Field(description="each answer holds the cursor of the next page")
    parameter: Parameter = Field(description="parameter that carries the cursor")
    next: str = Field(description="path, in the answer, of the next cursor; null ends the listing")
    complete_when: Literal["no_next"] | None = Field(
        default=None,
        description="no_next: a cursor that is missing or empty ends the listing too; left out, only null does",
    )
    expired_statuses: list[Annotated[int, Field(ge=400, le=499)]] = Field(
        default_factory=lambda: [410],
        description="statuses by which a cursor is told to be too old; all begins again",
    )


class NextLinkPaging(_Counted):
    """Pages chained by links in the answers; only the path and query of a link are used, at the system's own origin."""

    style: Literal["next_link"] = Field(description="each answer holds the address of the next page")
    next: str = Field(
        description='path, in the answer, of the link; a key that has dots itself is found too: "@odata.nextLink"'
    )
    complete_when: Literal["no_next"] | None = Field(
        default=None, description="no_next: a page without a link is the last; due where there is no total"
    )

    @model_validator(mode="after")
    def _proven(self) -> Self:
        if not self.has_total and self.complete_when is None:
            raise ValueError(
                "total, total_header or `complete_when: no_next` is due: what shows that no page is missing?"
            )
        return self


class LinkHeaderPaging(_Counted):
    """Pages chained by `Link: <...>; rel="next"` (RFC 8288); used as a link in an answer is."""

    style: Literal["link_header"] = Field(description="the header Link of each answer names the next page")
    complete_when: Literal["no_next"] | None = Field(
        default=None, description="no_next: a page without such a link is the last; due where there is no total"
    )

    @model_validator(mode="after")
    def _proven(self) -> Self:
        if not self.has_total and self.complete_when is None:
            raise ValueError(
                "total, total_header or `complete_when: no_next` is due: what shows that no page is missing?"
            )
        return self


class _Stepped(_Counted):
    parameter: Parameter = Field(description="parameter that carries the number")
    size: int | None = Field(default=None, ge=1, le=100_000, description="how many records a page holds")
    size_parameter: Parameter | None = Field(
        default=None, description="parameter that carries `size`; left out, it is not sent"
    )
    complete_when: Literal["short_page", "empty_page"] | None = Field(
        default=None,
        description="due where nothing says how many there are: the last page is the first one with fewer records than "
        "`size` (short_page), or the first one without any (empty_page)",
    )

    @model_validator(mode="after")
    def _sized(self) -> Self:
        if self.size is None and (self.size_parameter is not None or self.complete_when == "short_page"):
            raise ValueError("size is due: how many records does a page hold?")
        return self


class NumberedPaging(_Stepped):
    """Numbered pages over a live table; complete iff no page shifted and the totals add up."""

    style: Literal["page"] = Field(description="pages have numbers")
    pages: str | None = Field(default=None, description="path, in the answer, of the number of pages")
    first: Literal[0, 1] = Field(default=1, description="the number of the first page")

    @model_validator(mode="after")
    def _proven(self) -> Self:
        if not self.has_total and self.pages is None and self.complete_when is None:
            raise ValueError("total, total_header, pages or complete_when is due: what shows that no page is missing?")
        return self


class OffsetPaging(_Stepped):
    """An offset and a limit over a live table; the offset moves by as many records as came."""

    style: Literal["offset"] = Field(description="pages begin after so many records; `parameter` carries how many")

    @model_validator(mode="after")
    def _proven(self) -> Self:
        if not self.has_total and self.complete_when is None:
            raise ValueError("total, total_header or complete_when is due: what shows that no page is missing?")
        return self


class NoPaging(_Counted):
    """One answer holds all."""

    style: Literal["none"] = Field(description="one answer holds every record")
    cut_at: int | None = Field(
        default=None,
        ge=1,
        description="a system that silently leaves out what comes after so many records: an answer of that many is "
        "refused as cut",
    )


Paging = Annotated[
    CursorPaging | NextLinkPaging | LinkHeaderPaging | NumberedPaging | OffsetPaging | NoPaging,
    Field(discriminator="style"),
]
