"""What opens a system, as `connection: auth:` says it.

No secret stands here, only its name: a point of sale lists under `secrets` which environment variable holds it.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from stocksync.mapping.strict import Header, Parameter, Strict

_A_NAME = "as the points of sale list it under `secrets`"


class BearerAuth(Strict):
    """`Authorization: Bearer <secret>`."""

    scheme: Literal["bearer"] = Field(description="a token that does not change, in the header Authorization")
    secret: str = Field(description=f"name of the token, {_A_NAME}")

    @property
    def secret_names(self) -> tuple[str, ...]:
        """Every secret that a point of sale has to list."""
        return (self.secret,)


class ApiKeyAuth(Strict):
    """A key in a header or a parameter of the system's own."""

    scheme: Literal["api_key"] = Field(description="a key of the system's own kind")
    header: Header | None = Field(default=None, description="header that carries the key, such as X-Api-Key")
    query: Parameter | None = Field(
        default=None,
        description="parameter that carries the key, where no header can; it then stands in the system's own logs",
    )
    prefix: str = Field(default="", max_length=40, description='what comes before the key, such as "ApiKey "')
    secret: str = Field(description=f"name of the key, {_A_NAME}")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.header is None) == (self.query is None):
            raise ValueError("header or query is due, one of them")
        return self

    @property
    def secret_names(self) -> tuple[str, ...]:
        """Every secret that a point of sale has to list."""
        return (self.secret,)


class BasicAuth(Strict):
    """A user and a password (RFC 7617), in UTF-8."""

    scheme: Literal["basic"] = Field(description="a user and a password, in the header Authorization")
    user: str = Field(description=f"name of the user's variable, {_A_NAME}")
    secret: str = Field(description=f"name of the password, {_A_NAME}")

    @property
    def secret_names(self) -> tuple[str, ...]:
        """Every secret that a point of sale has to list."""
        return self.user, self.secret


def _token_url(text: str) -> str:
    if not re.fullmatch(r"/(?!/)[^?#\\\s]*|https?://[^?#\\\s@]+", text):
        raise ValueError("a path at the system's own address is due, such as /oauth2/token, or https://host/path")
    return text


class OAuth2Auth(Strict):
    """OAuth 2.0 client credentials (RFC 6749, 4.4): a token that is asked for, kept, and asked for again in time."""

    scheme: Literal["oauth2"] = Field(description="a token that is fetched with a client's id and secret")
    token_url: Annotated[str, AfterValidator(_token_url)] | None = Field(
        default=None,
        description="where tokens are given: a path at the system's own address, or https://host/path",
    )
    token_url_from: str | None = Field(
        default=None,
        description=f"instead of token_url: name of the variable that holds its address, {_A_NAME}",
    )
    client_id: str = Field(description=f"name of the client's id, {_A_NAME}")
    secret: str = Field(description=f"name of the client's secret, {_A_NAME}")
    scope: str | None = Field(default=None, description="scopes with spaces between them, where the system wants any")
    audience: str | None = Field(default=None, description="the audience, where the system wants one")
    send_as: Literal["basic", "body"] = Field(
        default="basic", description="how the client shows its id and secret: by basic authentication, or in the form"
    )
    margin_s: int = Field(
        default=60, ge=0, le=3600, description="so many seconds before its end a token is no longer used"
    )

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if (self.token_url is None) == (self.token_url_from is None):
            raise ValueError("token_url or token_url_from is due, one of them")
        return self

    @property
    def secret_names(self) -> tuple[str, ...]:
        """Every secret that a point of sale has to list."""
        address = (self.token_url_from,) if self.token_url_from is not None else ()
        return self.client_id, self.secret, *address


class NoAuth(Strict):
    """Nothing: whoever reaches the system may read and write."""

    scheme: Literal["none"] = Field(description="no key; for a system that asks for none, on this machine or network")

    @property
    def secret_names(self) -> tuple[str, ...]:
        """No secret."""
        return ()


Auth = Annotated[BearerAuth | ApiKeyAuth | BasicAuth | OAuth2Auth | NoAuth, Field(discriminator="scheme")]
