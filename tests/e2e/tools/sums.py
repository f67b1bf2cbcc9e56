#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""A server that moves octets: sums.py PORT. A POST is answered with the MD5 of what came, a
GET of /N with N zeros. On all addresses of both families."""
import hashlib
import http.server
import socket
import sys


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
    request_queue_size = 1024


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        left, md5 = int(self.headers["Content-Length"]), hashlib.md5()
        while left:
            piece = self.rfile.read(min(left, 65536))
            left -= len(piece)
            md5.update(piece)
        self.answer(md5.hexdigest().encode())

    def do_GET(self):
        self.answer(bytes(int(self.path[1:])))

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


Server(("::", int(sys.argv[1])), Handler).serve_forever()
