"""A server of a chat API on this machine, for tests of what asks one."""

from __future__ import annotations

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


class Served:
    """A server that answers in capitals, and the answers that it was told to give before."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any], str | None]] = []
        self.first: list[tuple[int, dict[str, str], bytes]] = []
        served = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                served.asked.append((self.path, body, self.headers.get("Authorization")))
                status, headers, content = served.first.pop(0) if served.first else (200, {}, served.answer(body))
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"

    @staticmethod
    def answer(body: dict[str, Any]) -> bytes:
        text = body["messages"][0]["content"].upper()
        message = {"content": f" {text} \n"}
        return json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode()


@contextlib.contextmanager
def serving() -> Iterator[Served]:
    """A server that stops with the block."""
    served = Served()
    thread = threading.Thread(target=served.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield served
    finally:
        served.server.shutdown()
        thread.join()
        served.server.server_close()
