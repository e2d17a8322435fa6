"""The page around the views: menu, mode, limits, headers; and the server that hands it out."""

from __future__ import annotations

import logging
import socket
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import dash
import flask
from dash import ClientsideFunction, Input, Output, State, dcc, html
from dash.development.base_component import Component
from dash.exceptions import DependencyException

from mlsse.errors import MlsseError
from mlsse.explorer import callback_requests
from mlsse.explorer.context import Context
from mlsse.explorer.parts import FORMULAS_STORE, aria, message
from mlsse.explorer.theme import MODE_STORE
from mlsse.explorer.uploads import MAX_FILE_BYTES
from mlsse.explorer.views import VIEWS

_log = logging.getLogger(__name__)

#: What the page shows before anything is entered.
EXAMPLES = ("Li7La3Zr2O12", "Li10GeP2S12", "Li6PS5Cl", "Li3YCl6")
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")

# A file arrives as base64 inside JSON, which takes four bytes for three.
_MAX_BODY_BYTES = MAX_FILE_BYTES * 4 // 3 + 2**20
_THREADS = 8

_INDEX = """<!DOCTYPE html>
<html lang="en">
<head>
{%metas%}
<title>{%title%}</title>
<link rel="icon" type="image/svg+xml" href="/assets/favicon.svg">
{%css%}
</head>
<body>
<noscript>The explorer needs JavaScript; <code>mlsse predict</code> answers without.</noscript>
{%app_entry%}
{%config%}{%scripts%}{%renderer%}
</body>
</html>"""

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
# Plotly writes its styles into the page; scripts come from this server alone.
_POLICY = (
    "default-src 'none'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


def create_app(context: Context, *, hosts: Sequence[str] | None = LOOPBACK_HOSTS) -> dash.Dash:
    """Make the application.

    Parameters
    ----------
    context : Context
    hosts : sequence of str, optional
        Names by which it answers; None allows any. Others are refused, so that a foreign page
        cannot reach it through a name of its own.

    Returns
    -------
    dash.Dash
        Its ``server`` is a WSGI application.
    """
    app = dash.Dash(
        "mlsse.explorer",
        title="mlsse explorer",
        update_title="",
        index_string=_INDEX,
        suppress_callback_exceptions=True,  # a view is in the page only while it is shown
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
        on_error=_show_error,
    )
    # Dash would ask a foreign server for newer versions.
    app.enable_dev_tools(debug=False, dev_tools_disable_version_check=True)
    app.layout = _shell(context)
    _register_shell(app, context)
    for view in VIEWS:
        view.register(app, context)
    _protect(app, hosts)
    return app


def run(app: dash.Dash, taken: socket.socket) -> None:
    """Serve until the process is told to stop.

    Parameters
    ----------
    app : dash.Dash
    taken : socket.socket
        Bound; see `mlsse.server.take_port`.
    """
    import waitress

    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a short wait is no news
    waitress.serve(
        app.server,
        sockets=[taken],
        threads=_THREADS,
        max_request_body_size=_MAX_BODY_BYTES,
        ident="",
        clear_untrusted_proxy_headers=True,
        _quiet=True,
    )


def name_of(view: ModuleType) -> str:
    """Name of a view, that of its module: the beginning of its ids."""
    return view.__name__.rpartition(".")[2]


def path_of(view: ModuleType) -> str:
    """Address of a view; the first one is the start page."""
    return "/" if view is VIEWS[0] else f"/{name_of(view).replace('_', '-')}"


def _shell(context: Context) -> Component:
    return html.Div(
        [
            html.A("Skip to the content", href="#explorer-content", className="skip"),
            html.Header(
                [
                    html.Span("mlsse explorer", className="brand"),
                    html.Nav(id="explorer-menu", **aria(label="Views")),
                    html.Button(
                        "Dark mode",
                        id="explorer-toggle",
                        className="quiet",
                        type="button",
                        **aria(pressed="false"),
                    ),
                ]
            ),
            dcc.Location(id="explorer-location", refresh="callback-nav"),
            dcc.Store(id=MODE_STORE),
            dcc.Store(id=FORMULAS_STORE, storage_type="session", data=list(EXAMPLES)),
            dcc.Store(id="explorer-shown"),
            html.Div(id="explorer-alert"),
            html.Main(id="explorer-content", tabIndex=-1),
            html.Div(
                f"Model {context.model.version}. From a formula alone: polymorphs, glass, density "
                "and grain boundaries stay unknown; believe the interval rather than the point.",
                className="foot",
                role="contentinfo",
            ),
        ],
        className="page",
    )


def _register_shell(app: dash.Dash, context: Context) -> None:
    views = {path_of(view): view for view in VIEWS}

    @app.callback(
        Output("explorer-content", "children"),
        Output("explorer-menu", "children"),
        Output("explorer-alert", "children"),
        Input("explorer-location", "pathname"),
    )
    def show(pathname: str | None) -> tuple[list[Component], Component, None]:
        shown = views.get(pathname or "/")
        menu = html.Ul(
            [
                html.Li(
                    dcc.Link(view.TITLE, href=path),
                    **(aria(current="page") if view is shown else {}),
                )
                for path, view in views.items()
            ]
        )
        if shown is None:
            return [html.H1("Not found"), message("There is no such page.", "error")], menu, None
        return [html.H1(shown.TITLE), shown.layout(context)], menu, None

    app.clientside_callback(
        ClientsideFunction("explorer", "mode"),
        Output(MODE_STORE, "data"),
        Output("explorer-toggle", "aria-pressed"),
        Input("explorer-toggle", "n_clicks"),
    )
    app.clientside_callback(
        ClientsideFunction("explorer", "shown"),
        Output("explorer-shown", "data"),
        Input("explorer-content", "children"),
        State("explorer-location", "pathname"),
    )


def _show_error(error: Exception) -> None:
    """Tell the visitor of what no view has told; only our own errors are shown in full."""
    if isinstance(error, MlsseError):
        text = str(error)
    else:
        _log.error("a callback failed", exc_info=error)
        text = "Something went wrong; the terminal in which the explorer runs says what."
    dash.set_props("explorer-alert", {"children": message(text, "error")})


def _protect(app: dash.Dash, hosts: Sequence[str] | None) -> None:
    """Limit what is taken in, and tell browsers what the page may do."""
    server: Any = app.server
    server.config["MAX_CONTENT_LENGTH"] = _MAX_BODY_BYTES
    server.config["TRUSTED_HOSTS"] = None if hosts is None else list(hosts)
    policy = _POLICY.format(hashes=" ".join(app.csp_hashes()))

    @server.before_request
    def _check_callback() -> flask.Response | None:
        if flask.request.path != callback_requests.PATH or flask.request.method != "POST":
            return None
        try:
            body = flask.request.get_json()
        except RecursionError:
            fault = "nested too deeply"
        else:
            fault = callback_requests.fault_of(body, app.callback_map)
        return flask.Response(fault, 400, mimetype="text/plain") if fault else None

    @server.errorhandler(DependencyException)
    def _tell_missing(_: Exception) -> flask.Response:
        """A script of another package: Dash takes the request for a fault of its own."""
        return flask.Response("there is no such file", 404, mimetype="text/plain")

    @server.after_request
    def _add_headers(response: flask.Response) -> flask.Response:
        response.headers["Content-Security-Policy"] = policy
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response
