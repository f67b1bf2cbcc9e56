#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Keeps asking over connections that live on, and counts what fails.

load.py ADDRESS PORT CONNECTIONS SECONDS [HOST PATH]...

A connection is opened anew when the server has said that it closes it; anything
else that is not a whole response with status 200 is a failure.
"""
import http.client
import sys
import threading
import time

address, port, connections, seconds = sys.argv[1], *map(int, sys.argv[2:5])
targets = list(zip(sys.argv[5::2], sys.argv[6::2]))
end = time.monotonic() + seconds
counts = [0, 0]
examples = []


def ask(connection, host, path):
    connection.request("GET", path, headers={"Host": host})
    response = connection.getresponse()
    response.read()
    return response.status == 200, response.getheader("Connection") == "close"


def run():
    connection, turn = None, 0
    while time.monotonic() < end:
        connection = connection or http.client.HTTPConnection(address, port, timeout=5)
        host, path = targets[turn % len(targets)]
        turn += 1
        try:
            good, closing = ask(connection, host, path)
        except (OSError, http.client.HTTPException) as error:
            good, closing = False, True
            examples.append(repr(error))
        counts[not good] += 1
        if closing:
            connection.close()
            connection = None


threads = [threading.Thread(target=run) for _ in range(connections)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(f"{sum(counts)} requests, {counts[1]} failed", *examples[:3])
