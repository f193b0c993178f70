"""A local HTTPS server in place of hosts of the internet, and the proxy that leads to it.

Code under test keeps the addresses that it has: `HTTPS_PROXY` sends every host to the server, and
the server's certificate is signed by an authority of this server's own.
"""

from __future__ import annotations

import json
import selectors
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import trustme

LOCALHOST = "127.0.0.1"
BLOCK_BYTES = 65_536


@dataclass(frozen=True)
class Call:
    """One request that the server got."""

    host: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    authorization: str | None = None

    @property
    def address(self) -> str:
        """Host and path: `api.example.com/items`."""
        return self.host + self.path


Answer = tuple[int, Any]
"""A status, and what becomes the JSON of the body."""


@contextmanager
def running_https_server(
    hosts: tuple[str, ...], answer: Callable[[Call], Answer], folder: Path
) -> Iterator[dict[str, str]]:
    """Serve *hosts*, and give the environment in which a process, or its children, reach them.

    Args:
        hosts: Names that the certificate is made out to; others fail as an unknown host does.
        answer: Called for every GET, in a thread of its own.
        folder: Where the certificate of the authority is written.
    """
    authority = trustme.CA()
    bundle = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    server = _HttpsServer(_context(authority, hosts), answer)
    with _in_thread(server), _in_thread(_Proxy(hosts, server.server_address[1])) as proxy:
        yield _environment(f"http://{LOCALHOST}:{proxy.server_address[1]}", bundle)


def _environment(proxy: str, bundle: Path) -> dict[str, str]:
    variables = {"HTTPS_PROXY": proxy, "NO_PROXY": f"{LOCALHOST},localhost"}
    # where both spellings are set, the lower case wins
    variables |= {name.lower(): value for name, value in variables.items()}
    return variables | {"REQUESTS_CA_BUNDLE": str(bundle), "SSL_CERT_FILE": str(bundle)}


def _context(authority: trustme.CA, hosts: tuple[str, ...]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*hosts).configure_cert(context)
    return context


@contextmanager
def _in_thread(server: socketserver.TCPServer) -> Iterator[socketserver.TCPServer]:
    # the pause between two looks for the end is what every test would wait for
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    with server:
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _HttpsServer(ThreadingHTTPServer):
    def __init__(self, context: ssl.SSLContext, answer: Callable[[Call], Answer]) -> None:
        super().__init__((LOCALHOST, 0), _AnswerInJson)
        self.answer = answer
        # a handshake takes place in the thread of its connection, not in the one that accepts
        self.socket = context.wrap_socket(
            self.socket, server_side=True, do_handshake_on_connect=False
        )

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away."""


class _AnswerInJson(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        host = (self.headers["Host"] or "").partition(":")[0]
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        call = Call(host, url.path, query, self.headers["Authorization"])
        status, body = cast(_HttpsServer, self.server).answer(call)
        payload = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name it has
        """Leave the output to the test."""


class _Proxy(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, hosts: tuple[str, ...], port: int) -> None:
        super().__init__((LOCALHOST, 0), _Tunnel)
        self.hosts, self.port = hosts, port

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away."""


class _Tunnel(socketserver.StreamRequestHandler):
    """Answers `CONNECT host:port` with a way to the server, whatever the host."""

    def handle(self) -> None:
        method, _, rest = self.rfile.readline().decode("latin-1").partition(" ")
        host = rest.partition(":")[0]
        while self.rfile.readline().strip():
            pass
        proxy = cast(_Proxy, self.server)
        if method != "CONNECT" or host not in proxy.hosts:
            self.wfile.write(b"HTTP/1.1 502 No such host here\r\nContent-Length: 0\r\n\r\n")
            return
        with socket.create_connection((LOCALHOST, proxy.port)) as upstream:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            _pass_on(self.connection, upstream)


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    """Pass bytes both ways until one side has no more to say."""
    with selectors.DefaultSelector() as selector:
        selector.register(one, selectors.EVENT_READ, other)
        selector.register(other, selectors.EVENT_READ, one)
        while True:
            for key, _ in selector.select():
                block = cast(socket.socket, key.fileobj).recv(BLOCK_BYTES)
                if not block:
                    return
                key.data.sendall(block)
