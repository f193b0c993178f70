"""An API that takes its time, and a source that reads it page by page."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

MODULE = "slow_source"
PAGE_SECONDS = 0.2
PAGE_ROWS = 20

SOURCE = '''
"""Resources whose pages are asked for one after another, as an API with a cursor wants it."""

import dlt
from dlt.sources.helpers.requests import Client


@dlt.source
def slow(url: str, resources: int, pages: int, parallelized: bool):
    def declare(name):
        def extract():
            client = Client()
            for page in range(pages):
                answer = client.get(f"{url}/{name}", params={"page": page})
                yield answer.json()

        resource = dlt.resource(extract, name=name, write_disposition="append")
        return resource.parallelize() if parallelized else resource

    return [declare(f"table_{number:02}") for number in range(resources)]
'''


def write_module(folder: Path) -> None:
    """Put the module of the source into a folder of Dags or scripts."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{MODULE}.py").write_text(SOURCE)


@contextmanager
def slow_api() -> Iterator[str]:
    """Run the API in a process of its own and give its URL."""
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.terminate()
        process.join()


class SlowHandler(BaseHTTPRequestHandler):
    """Answers each page after the same time, however many are asked for at once."""

    protocol_version: ClassVar[str] = "HTTP/1.1"
    # an answer in two packets would wait for the reader's delayed acknowledgement
    wbufsize = -1

    def do_GET(self) -> None:
        """Answer a page."""
        time.sleep(PAGE_SECONDS)
        page = int(parse_qs(urlsplit(self.path).query)["page"][0])
        first = page * PAGE_ROWS
        rows = [{"id": id_, "name": f"row {id_}"} for id_ in range(first, first + PAGE_ROWS)]
        body = json.dumps(rows).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - http.server's
        """Say nothing."""


class SlowServer(ThreadingHTTPServer):
    """Takes as many at once as come."""

    daemon_threads = True
    request_queue_size = 256


def _serve(connection) -> None:  # noqa: ANN001 - a multiprocessing pipe
    with SlowServer(("127.0.0.1", 0), SlowHandler) as server:
        connection.send(server.server_address[1])
        server.serve_forever()
