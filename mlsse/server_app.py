"""The application that is served: MLflow's scoring protocol behind a gate.

It answers as ``mlflow models serve`` answers for the same model, without MLflow: requests do not
pass through data frames, which takes less time than a prediction, but not much. What cannot be
answered is refused with one line and what to do about it. Nothing of a payload is logged unless
wanted.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import os
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter
from typing import TYPE_CHECKING, Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

import mlsse
from mlsse.bundle import Model
from mlsse.errors import RequestError
from mlsse.openapi import MODEL_HEADER, REQUEST_HEADER, openapi_document
from mlsse.payloads import JSON, read_payload
from mlsse.server_metrics import ServerMetrics
from mlsse.serving import Limits, answer, check_request, shortened

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")
#: Paths that are served, and by which methods.
ROUTES = {
    "/invocations": ("POST",),
    "/ping": ("GET",),
    "/health": ("GET",),
    "/version": ("GET",),
    "/metrics": ("GET",),
    "/openapi.json": ("GET",),
}
_OPEN_PATHS = frozenset({"/ping", "/health"})  # no key needed: they say nothing but that it lives
_CODES = {
    400: "INVALID_PARAMETER_VALUE", 401: "UNAUTHENTICATED", 404: "ENDPOINT_NOT_FOUND",
    405: "METHOD_NOT_ALLOWED", 408: "REQUEST_TIMEOUT", 413: "REQUEST_LIMIT_EXCEEDED",
    415: "UNSUPPORTED_MEDIA_TYPE", 429: "RESOURCE_EXHAUSTED", 431: "HEADERS_TOO_LARGE",
    500: "INTERNAL_ERROR",
}  # fmt: skip
_CLIENT_GONE = 499  # for log and metrics alone: there is nobody to answer
_DRAIN_SECONDS = 5.0
_MAX_HEADER_BYTES = 16 * 1024

_log = logging.getLogger(__name__)
_requests_log = logging.getLogger("mlsse.requests")


@dataclass(frozen=True)
class Settings:
    """How a server guards itself.

    Attributes
    ----------
    limits : Limits
    api_key : str or None
        Asked for as ``Authorization: Bearer KEY`` if given.
    allowed_hosts : sequence of str
        Names, without port, that a request may give in ``Host``; ``*`` allows all.
    requests_at_once : int
        More are refused for the moment.
    log_formulas : bool
        Also log the formulas of each request.
    """

    limits: Limits = field(default_factory=Limits)
    api_key: str | None = None
    allowed_hosts: Sequence[str] = LOOPBACK_HOSTS
    requests_at_once: int = 64
    log_formulas: bool = False


class App:
    """ASGI application that serves a model.

    Parameters
    ----------
    model : Model
    settings : Settings
    """

    def __init__(self, model: Model, settings: Settings) -> None:
        self._model, self._settings = model, settings
        self._metrics = ServerMetrics(model.version)
        self._schema = JSONResponse(openapi_document(model.version, settings.limits)).body
        # A few more than cores, so that a large request does not keep all others waiting.
        self._workers = ThreadPoolExecutor((os.cpu_count() or 1) + 2)
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection event of ASGI; only HTTP requests are served."""
        if scope["type"] != "http":
            return
        start = perf_counter()
        has_all = False

        async def receive_noting_end() -> Message:
            nonlocal has_all
            message = await receive()
            has_all = not message.get("more_body", False)
            return message

        request = Request(scope, receive_noting_end)
        about: dict[str, Any] = {"request_id": uuid.uuid4().hex[:16]}
        self._in_flight += 1
        try:
            response = await self._respond(request, about)
            if response.status_code not in (200, 408) and not has_all:
                await _drain(request)
            await response(scope, receive, send)
            status = response.status_code
        except ClientDisconnect:
            status = _CLIENT_GONE
        finally:
            self._in_flight -= 1
        path = scope["path"] if scope["path"] in ROUTES else "other"
        seconds = perf_counter() - start
        self._metrics.observe(path, status, seconds)
        about |= {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "path": path,
            "status": status,
            "ms": round(1e3 * seconds, 1),
        }
        _requests_log.info("%s", json.dumps({"method": request.method[:16], **about}))

    async def _respond(self, request: Request, about: dict[str, Any]) -> Response:
        """Answer a request, or refuse it."""
        try:
            response = await self._answer(request, about)
        except RequestError as error:
            response = _refusal(error.status, str(error))
        except ClientDisconnect:
            raise
        except Exception:
            _log.exception("request %s", about["request_id"])
            response = _refusal(500, "internal error: the log of the server has it by request id")
        if response.status_code == 405:
            response.headers["Allow"] = ", ".join(ROUTES[request.scope["path"]])
        response.headers[MODEL_HEADER] = self._model.version
        response.headers[REQUEST_HEADER] = about["request_id"]
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    async def _answer(self, request: Request, about: dict[str, Any]) -> Response:
        path = request.scope["path"]
        if sum(len(name) + len(value) for name, value in request.headers.raw) > _MAX_HEADER_BYTES:
            raise RequestError(f"more than {_MAX_HEADER_BYTES} bytes of headers", status=431)
        self._check_host(request)
        if path not in _OPEN_PATHS:
            self._check_key(request)
        if path not in ROUTES:
            raise RequestError(f"no such path: expected one of {', '.join(ROUTES)}", status=404)
        if request.method not in ROUTES[path]:
            raise RequestError(f"{path} is asked by {', '.join(ROUTES[path])}", status=405)
        if path == "/metrics":
            return Response(generate_latest(self._metrics.registry), media_type=CONTENT_TYPE_LATEST)
        if path == "/openapi.json":
            return Response(self._schema, media_type=JSON)
        if path == "/version":
            return JSONResponse({"mlsse": mlsse.__version__, "model": self._model.version})
        if path in _OPEN_PATHS:
            return JSONResponse({})
        if self._in_flight > self._settings.requests_at_once:
            raise RequestError("too many requests at once: ask again in a second", status=429)
        return await self._invoke(request, about)

    def _check_host(self, request: Request) -> None:
        given = _header(request, "host") or ""
        name, colon, port = given.rpartition(":")
        name = name if colon and port.isdigit() else given
        allowed = self._settings.allowed_hosts
        if "*" not in allowed and name.lower() not in allowed:
            raise RequestError(
                f"host {shortened(given)} is not served: ask by one of {', '.join(allowed)}, or "
                "start the server with --allow-host"
            )

    def _check_key(self, request: Request) -> None:
        key = self._settings.api_key
        if key is None:
            return
        scheme, _, given = (_header(request, "authorization") or "").partition(" ")
        # Headers are latin-1 to starlette; the same time for every wrong key.
        is_right = hmac.compare_digest(given.strip().encode("latin-1"), key.encode())
        if scheme.lower() != "bearer" or not is_right:
            raise RequestError(
                "an API key is needed: send the header 'Authorization: Bearer KEY'", status=401
            )

    async def _invoke(self, request: Request, about: dict[str, Any]) -> Response:
        limits = self._settings.limits
        if _header(request, "content-encoding") not in (None, "identity"):
            raise RequestError("compressed bodies are not read: send it plain", status=415)
        body = await _read_body(request, limits)
        about["bytes"] = len(body)
        content_type = _header(request, "content-type")

        def work() -> bytes:
            checked = check_request(*read_payload(body, content_type), limits)
            about["rows"] = len(checked.formulas)
            if self._settings.log_formulas:
                about["formulas"] = checked.formulas
            rows = answer(checked, self._model)
            about["row_errors"] = sum(row["error"] is not None for row in rows)
            return json.dumps({"predictions": rows}, allow_nan=False).encode()

        try:
            async with asyncio.timeout(limits.seconds):
                loop = asyncio.get_running_loop()
                content = await loop.run_in_executor(self._workers, work)
        except TimeoutError:
            raise RequestError(
                f"no answer within {limits.seconds:g} s: ask for fewer rows or groups at once",
                status=413,
            ) from None
        self._metrics.count_rows(about["rows"], about["row_errors"])
        return Response(content, media_type=JSON)


def _header(request: Request, name: str) -> str | None:
    """The one value of a header; to give it twice is a trick."""
    values = request.headers.getlist(name)
    if len(values) > 1:
        raise RequestError(f"header {name} twice: send it once")
    return values[0] if values else None


async def _read_body(request: Request, limits: Limits) -> bytes:
    """Read a body, however it is sent, and no more of it than is allowed."""
    declared = _header(request, "content-length")
    if declared is not None and _header(request, "transfer-encoding") is not None:
        raise RequestError("both content-length and transfer-encoding: send one of them")
    too_large = RequestError(
        f"the body has more than {limits.body_bytes} bytes: split the request", status=413
    )
    if declared is not None and int(declared) > limits.body_bytes:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(limits.seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limits.body_bytes:
                    raise too_large
    except TimeoutError:
        raise RequestError(
            f"the body did not arrive within {limits.seconds:g} s: send it faster", status=408
        ) from None
    return bytes(body)


async def _drain(request: Request) -> None:
    """Let a client that is still sending finish, for a while: most read only then."""
    if "expect" in request.headers:  # it waits to be told to send, and is told not to
        return
    try:
        async with asyncio.timeout(_DRAIN_SECONDS):
            while (await request.receive()).get("more_body", False):
                pass
    except TimeoutError:
        pass


def _refusal(status: int, message: str) -> JSONResponse:
    headers = {401: {"WWW-Authenticate": "Bearer"}, 429: {"Retry-After": "1"}}.get(status)
    line = " ".join(message.split())
    return JSONResponse({"error_code": _CODES[status], "message": line}, status, headers)
