"""Hold every request and answer of the REST adapter against a contract."""

from dataclasses import dataclass, field
from pathlib import Path

import httpx
import orjson
import yaml
from openapi_core import Config, OpenAPI
from openapi_core.datatypes import RequestParameters
from werkzeug.datastructures import Headers, ImmutableMultiDict

import stocksync.sandbox

CONTRACTS = Path(stocksync.sandbox.__file__).parent / "contracts"

_JSON_BY_OTHER_NAMES = ("application/merge-patch+json", "application/problem+json")


@dataclass
class _Request:
    host_url: str
    path: str
    method: str
    content_type: str
    body: bytes | None
    parameters: RequestParameters


@dataclass
class _Response:
    status_code: int
    content_type: str
    headers: Headers
    data: bytes | None


@dataclass
class ContractTransport(httpx.BaseTransport):
    """Passes everything on, and raises iff a request or its answer is not what the contract says.

    `exchanged` is what passed: method and path of every request, with the status of its answer.
    """

    inner: httpx.BaseTransport
    contract: OpenAPI
    exchanged: list[tuple[str, str, int]] = field(default_factory=list)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Validate, pass on, validate."""
        asked = _asked(request)
        self.contract.validate_request(asked)
        response = self.inner.handle_request(request)
        assert isinstance(response.stream, httpx.SyncByteStream)
        content = b"".join(response.stream)
        response.close()
        said = _Response(
            response.status_code,
            response.headers.get("Content-Type", "").split(";")[0],
            Headers(list(response.headers.items())),
            content or None,
        )
        # What has no content by the contract has none to validate.
        if content or response.status_code != 401:
            self.contract.validate_response(asked, said)
        self.exchanged.append((request.method, request.url.path, response.status_code))
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=httpx.ByteStream(content),
            extensions=response.extensions,
        )

    def close(self) -> None:
        """Let the inner transport go."""
        self.inner.close()


def contract(file_name: str, base_url: str) -> OpenAPI:
    """Read a contract, served at an address of our own."""
    text = (CONTRACTS / file_name).read_text(encoding="utf-8")
    config = Config(extra_media_type_deserializers=dict.fromkeys(_JSON_BY_OTHER_NAMES, orjson.loads))
    return OpenAPI.from_dict(yaml.safe_load(text) | {"servers": [{"url": base_url}]}, config=config)


def _asked(request: httpx.Request) -> _Request:
    url = request.url
    return _Request(
        host_url=f"{url.scheme}://{url.netloc.decode()}",
        # Still quoted: a slash within an id is no step of the path.
        path=url.raw_path.split(b"?")[0].decode(),
        method=request.method.lower(),
        content_type=request.headers.get("Content-Type", ""),
        body=request.read() or None,
        parameters=RequestParameters(
            query=ImmutableMultiDict(url.params.multi_items()),
            header=Headers(list(request.headers.items())),
        ),
    )
