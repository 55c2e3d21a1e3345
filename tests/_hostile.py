"""Servers that stall, flood, lie and break off: what each does to a TCP connection."""

from __future__ import annotations

import contextlib
import gzip
import socket
import ssl
import struct
import time
from collections.abc import Callable
from pathlib import Path

from tests._tls_servers import Authority

Serve = Callable[[socket.socket], None]
Speak = Callable[[ssl.SSLSocket], None]
MARKUP = "<script>alert(1)</script><img src=x onerror=alert(2)>\x1b[31mred\x1b]0;title\x07"
"""What must neither run in a report nor reach a terminal."""
_LONGEST = 60.0


def _reset(connection: socket.socket) -> None:
    """Break off with a RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _stall(connection: socket.socket) -> None:
    """Say nothing until the other side gives up."""
    connection.settimeout(_LONGEST)
    with contextlib.suppress(OSError):
        while connection.recv(4096):
            pass


def _drip(connection: socket.socket, text: bytes, apart: float = 1.0) -> None:
    ends = time.monotonic() + _LONGEST
    for byte in text:
        connection.sendall(bytes([byte]))
        time.sleep(apart)
        if time.monotonic() > ends:
            return


def _hello(connection: socket.socket) -> bytes:
    return connection.recv(4096, socket.MSG_PEEK)


def _after_hello(connection: socket.socket) -> None:
    connection.recv(4096)
    _reset(connection)


def _drips_a_hello(connection: socket.socket) -> None:
    connection.recv(4096)
    _drip(connection, b"\x16\x03\x03\x00\x60\x02\x00\x00\x5c\x03\x03" + bytes(80))


def _plain(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def _says(head: str, body: bytes = b"", status: str = "200 OK", *, length: int | None = None) -> Speak:
    """One answer to everything."""

    def speak(tls: ssl.SSLSocket) -> None:
        size = len(body) if length is None else length
        lines = f"HTTP/1.1 {status}\r\n{head}content-length: {size}\r\nconnection: close\r\n\r\n"
        tls.sendall(lines.encode("latin-1") + body)

    return speak


HTML = "content-type: text/html\r\n"
JSON = "content-type: application/json\r\n"


def _endless(first: bytes, piece: bytes) -> Speak:
    def speak(tls: ssl.SSLSocket) -> None:
        tls.sendall(first)
        while True:
            tls.sendall(piece)

    return speak


def _reset_after(text: bytes) -> Speak:
    def speak(tls: ssl.SSLSocket) -> None:
        tls.sendall(text)
        _reset(tls)

    return speak


def _drips(text: bytes, first: bytes = b"") -> Speak:
    def speak(tls: ssl.SSLSocket) -> None:
        tls.sendall(first)
        _drip(tls, text)

    return speak


def _bomb(coding: str) -> Speak:
    packed = gzip.compress(bytes(64 * 1024 * 1024), 9)
    return _says(f"{HTML}content-encoding: {coding}\r\n", packed)


_FIELDS = (
    "server", "x-powered-by", "content-security-policy", "strict-transport-security", "permissions-policy",
    "referrer-policy", "x-frame-options", "cache-control", "access-control-allow-origin", "set-cookie", "etag",
)  # fmt: skip

OVER_TLS: dict[str, Speak] = {
    "resets before an answer": _reset_after(b""),
    "resets in the head": _reset_after(b"HTTP/1.1 200 OK\r\nserver: x"),
    "resets in the body": _reset_after(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nhalf"),
    "closes before an answer": lambda _: None,
    "stalls after the request": _stall,
    "a head byte by byte": _drips(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 100),
    "a body byte by byte": _drips(b"x" * 1000, b"HTTP/1.1 200 OK\r\n\r\n"),
    "fields without end": _endless(b"HTTP/1.1 200 OK\r\n", b"x-more: and more\r\n" * 500),
    "one field without end": _endless(b"HTTP/1.1 200 OK\r\nx-more: ", b"and more" * 500),
    "a body without end": _endless(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n", b"<p>more" * 5000),
    "continue without end": _endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 50),
    "early hints without end": _endless(b"", b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" * 50),
    "chunks of no size": _endless(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"zz\r\n"),
    "a chunk that never ends": _endless(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffff\r\n", b"x" * 9999
    ),
    "a gzip bomb": _bomb("gzip"),
    "a bomb in a bomb": _says(f"{HTML}content-encoding: gzip, gzip\r\n", gzip.compress(gzip.compress(bytes(1 << 24)))),
    "no gzip at all": _says(f"{HTML}content-encoding: gzip\r\n", b"plain"),
    "redirects to itself": _says("location: /\r\n", status="302 Found"),
    "redirects without end": _says("location: x/\r\n", status="301 Moved Permanently"),
    "redirects to nowhere": _says("location: http://[\r\n", status="301 Moved Permanently"),
    "redirects to no ASCII": _says("location: /\xff\xfe?\xe9=\x80\r\n", status="302 Found"),
    "redirects to no port": _says("location: https://web.test:99999999/\r\n", status="302 Found"),
    "redirects to no host": _says("location: https://\xff.web.test/\r\n", status="302 Found"),
    "redirects to a script": _says(f"location: javascript:alert(1)//{MARKUP[:25]}\r\n", status="301 Moved Permanently"),
    "no UTF-8": _says(f"{HTML}x-odd: \xff\xfe\r\nset-cookie: \xff=\xfe\r\n", b"\xff\xfe\xfa<html>\x80" * 50),
    "no UTF-8 in JSON": _says(JSON, b'{"status":"\xff\xfe","timestamp":"\xed\xa0\x80"}'),
    "markup in every field": _says(
        HTML + "".join(f"{name}: {MARKUP.split(chr(27))[0]}\r\n" for name in _FIELDS), MARKUP.encode()
    ),
    "control characters in fields": _says(HTML + "".join(f"{name}: {MARKUP}\r\n" for name in _FIELDS), b"x"),
    "a field over two lines": _says(f"{HTML}content-security-policy: default-src\r\n 'none'\r\n", b"<html>"),
    "a status of its own": _says(HTML, b"x", status="999 \xff"),
    "another protocol": lambda tls: tls.sendall(b"220 mail.test ESMTP\r\n"),
    "a length that is none": _says("content-length: 5\r\n", b"x", length=-1),
    "two lengths": _says("content-length: 5\r\n", b"xyz"),
    "JSON without a bottom": _says(JSON, b"[" * 200_000),
    "a number without end": _says(JSON, b'{"status":' + b"9" * 200_000 + b"}"),
    "comments without a page": _says(HTML, b"<!---->" * 20_000 + b"x"),
    "empty lines": _says("content-type: text/plain\r\n", b"\n" * 900_000),
    "frames of a stack": _says(JSON, b"at /" * 200_000),
    "statements": _says(JSON, b"SELECT " * 120_000),
    "twenty thousand chunks": _says(
        HTML, b"".join(b"<script src=/_next/static/%d.js></script>" % number for number in range(20_000))
    ),
    "twenty thousand fields": _says(HTML + "x: y\r\n" * 15_000, b"x"),
    "many cookies": _says(
        HTML + "set-cookie: a=b; path=/; expires=nonsense; max-age=99999999999999999\r\n" * 900, b"x"
    ),
}  # fmt: skip
BEFORE_TLS: dict[str, Serve] = {
    "resets at once": _reset,
    "closes at once": lambda _: None,
    "stalls before the handshake": _stall,
    "resets after the hello": _after_hello,
    "a hello byte by byte": _drips_a_hello,
    "speaks no TLS": _plain,
}


def servers(folder: Path) -> dict[str, Serve]:
    """Every hostile server, by what it does, for the name web.test."""
    pem = Authority(folder).server("web.test")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)

    def over_tls(speak: Speak) -> Serve:
        def serve(connection: socket.socket) -> None:
            connection.settimeout(_LONGEST)
            with context.wrap_socket(connection, server_side=True) as tls:
                if tls.recv(65536):
                    speak(tls)

        return serve

    fine = over_tls(_says(HTML, b"<html><body>fine"))

    def by_name(connection: socket.socket) -> None:
        if b"web.test" in _hello(connection):
            fine(connection)
        else:
            connection.recv(4096)
            connection.sendall(b"\x15\x03\x03\x00\x02\x02\x70")

    def intolerant(connection: socket.socket) -> None:
        if b"\x00\x2b" in _hello(connection) and b"\x03\x04" in _hello(connection):
            _after_hello(connection)
        else:
            fine(connection)

    return {
        **BEFORE_TLS,
        **{name: over_tls(speak) for name, speak in OVER_TLS.items()},
        "knows no other name": by_name,
        "does not bear TLS 1.3": intolerant,
    }
