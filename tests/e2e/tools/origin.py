#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""A web server for tests of what stands in front of it: origin.py NAME ADDRESS PORT.

GET  /headers       the request's head as it came, one field a line
GET  /name          NAME
GET  /bytes/N       N bytes, with Content-Length; /chunked/N the same in chunks
POST /sum           length and SHA-256 of the body, of any framing
GET  /slow/SECONDS  answers late
GET  /status/CODE   an empty answer
GET  /drop          closes without an answer; /cut in the middle of one
GET  /garbage       answers what is not HTTP
GET  /ws            changes to WebSocket, then echoes raw bytes
"""
import base64
import hashlib
import http.server
import sys
import time

BLOCK = bytes(range(256)) * 256


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def version_string(self):
        return "origin"

    def log_message(self, *_):
        pass

    def answer(self, text, status=200):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Sluice-TLS", "forged by the server")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        what, _, argument = self.path.partition("?")[0][1:].partition("/")
        getattr(self, "get_" + what, self.get_unknown)(argument)

    do_HEAD = do_GET

    def get_unknown(self, _):
        self.answer("unknown\n", 404)

    def get_headers(self, _):
        fields = "".join(f"{name}: {value}\n" for name, value in self.headers.items())
        self.answer(self.requestline + "\n" + fields)

    def get_name(self, _):
        self.answer(self.server.name)

    def blocks(self, size):
        while size:
            block = BLOCK[: min(size, len(BLOCK))]
            size -= len(block)
            yield block

    def get_bytes(self, size):
        self.send_response(200)
        self.send_header("Content-Length", size)
        self.end_headers()
        for block in self.blocks(int(size)):
            self.wfile.write(block)

    def get_chunked(self, size):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for block in self.blocks(int(size)):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(block), block))
        self.wfile.write(b"0\r\n\r\n")

    def get_slow(self, seconds):
        time.sleep(float(seconds))
        self.answer("late\n")

    def get_status(self, code):
        self.send_response(int(code))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def get_drop(self, _):
        self.close_connection = True

    def get_cut(self, _):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"x" * 100)
        self.close_connection = True

    def get_garbage(self, _):
        self.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        self.close_connection = True

    def get_ws(self, _):
        accept = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        digest = base64.b64encode(hashlib.sha1(accept.encode()).digest()).decode()
        self.send_response(101)
        self.send_header("Connection", "Upgrade")
        self.send_header("Upgrade", "websocket")
        self.send_header("Sec-WebSocket-Accept", digest)
        self.end_headers()
        while block := self.connection.recv(65536):
            self.connection.sendall(block)
        self.close_connection = True

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length", 0))
        while left and (block := self.rfile.read(min(left, 65536))):
            left -= len(block)
            yield block

    def do_POST(self):
        digest, length = hashlib.sha256(), 0
        for block in self.body():
            digest.update(block)
            length += len(block)
        self.answer(f"{length} {digest.hexdigest()}\n")

    do_PUT = do_POST


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 256

    def __init__(self, name, address, port):
        self.name = name
        super().__init__((address, port), Handler)

    def handle_error(self, *_):
        pass  # clients that leave


if __name__ == "__main__":
    Server(sys.argv[1], sys.argv[2], int(sys.argv[3])).serve_forever()
