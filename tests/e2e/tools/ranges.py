#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Asks for ranges of a file and compares them byte for byte: ranges.py URL FILE."""
import http.client
import random
import re
import sys
import urllib.parse

url = urllib.parse.urlsplit(sys.argv[1])
content = open(sys.argv[2], "rb").read()
size = len(content)
connection = http.client.HTTPConnection(url.hostname, url.port or 80, timeout=10)


def ask(ranges):
    connection.request("GET", url.path, headers={"Range": "bytes=" + ranges})
    response = connection.getresponse()
    body = response.read()
    assert len(body) == int(response.getheader("Content-Length")), "length"
    return response, body


def expect_single(asked, first, last):
    response, body = ask(asked)
    assert response.status == 206, (asked, response.status)
    assert response.getheader("Content-Range") == f"bytes {first}-{last}/{size}", asked
    assert body == content[first : last + 1], asked


def expect_parts(pairs):
    response, body = ask(",".join(f"{first}-{last}" for first, last in pairs))
    assert response.status == 206, (pairs, response.status)
    boundary = re.fullmatch(
        r"multipart/byteranges; boundary=(\w+)", response.getheader("Content-Type")
    ).group(1)
    parts = body.split(b"--" + boundary.encode())
    assert parts[0] == b"" and parts[-1] == b"--\r\n", "the frame of the parts"
    assert len(parts) == len(pairs) + 2, "number of parts"
    for part, (first, last) in zip(parts[1:-1], pairs):
        head, _, data = part[2:].partition(b"\r\n\r\n")
        assert f"Content-Range: bytes {first}-{last}/{size}".encode() in head, head
        assert data == content[first : last + 1] + b"\r\n", (first, last)


expect_single("0-0", 0, 0)
expect_single("0-", 0, size - 1)
expect_single("-1", size - 1, size - 1)
expect_single(f"-{size * 2}", 0, size - 1)
expect_single(f"10-{size * 2}", 10, size - 1)
generator = random.Random(1)
for _ in range(50):
    first = generator.randrange(size)
    last = generator.randrange(first, size)
    expect_single(f"{first}-{last}", first, last)
for count in range(2, 17):
    edges = sorted(generator.sample(range(size), 2 * count))
    expect_parts(list(zip(edges[::2], edges[1::2])))
