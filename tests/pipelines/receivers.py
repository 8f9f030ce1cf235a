"""Real local receivers of messages: a robot over HTTP and a mail server, with faults on demand."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


@dataclass
class Heard:
    """What came in. `answer`: status and body of the next answers; `delay`: seconds before them."""

    url: str = ""
    bodies: list[Any] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    answer: tuple[int, bytes] = (200, b'{"errcode":0,"errmsg":"ok"}')
    delay: float = 0.0


@contextmanager
def robot() -> Iterator[Heard]:
    """An HTTP receiver on a free port."""
    heard = Heard()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.paths.append(self.path)
            heard.bodies.append(json.loads(body))
            time.sleep(heard.delay)
            try:
                self.send_response(heard.answer[0])
                self.end_headers()
                self.wfile.write(heard.answer[1])
            except OSError:
                pass

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    heard.url = f"http://127.0.0.1:{server.server_port}"
    with served(server.serve_forever):
        yield heard
        server.shutdown()
    server.server_close()


@contextmanager
def mailbox() -> Iterator[tuple[int, list[str]]]:
    """An SMTP receiver on a free port: the port, and the mails as they came."""
    mails: list[str] = []
    door = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                line, _ = door.accept()
            except OSError:
                return
            with line, line.makefile("rwb") as talk:
                _take(talk, mails)

    with served(serve):
        yield door.getsockname()[1], mails
        door.shutdown(socket.SHUT_RDWR)
        door.close()


def _take(talk: Any, mails: list[str]) -> None:
    def answer(text: str) -> None:
        talk.write(text.encode() + b"\r\n")
        talk.flush()

    answer("220 here")
    for raw in talk:
        word = raw[:4].upper()
        if word == b"QUIT":
            answer("221 bye")
            return
        if word != b"DATA":
            answer("250 ok")
            continue
        answer("354 go on")
        lines = iter(talk.readline, b".\r\n")
        mails.append(b"".join(lines).decode())
        answer("250 taken")


@contextmanager
def served(work: Any) -> Iterator[None]:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield
    thread.join(5)


def free_port() -> int:
    """A port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        port: int = door.getsockname()[1]
        return port
