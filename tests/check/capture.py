#!/usr/bin/env python3
"""Every frame that an interface sends and receives, into a file: each after its length (4 bytes, big-endian).

capture.py INTERFACE FILE: prints "ready", ends with SIGTERM, and fails if it missed a frame."""

import signal
import socket
import struct
import sys

ETH_P_ALL, SOL_PACKET, PACKET_STATISTICS = 3, 263, 6
LARGEST = 1 << 18  # a frame that the kernel has not cut into packets yet is up to 64 KB


def frames(path):
    """The frames of a file written here."""
    data, at = path.read_bytes(), 0
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        yield data[at + 4 : at + 4 + length]
        at += 4 + length


TCP, UDP = 6, 17
PROTOCOL_AT = {b"\x08\x00": 23, b"\x86\xdd": 20}  # by the kind of frame: IPv4, IPv6


def is_said(frame):
    """By a program. ARP, ICMPv6 and MLD are the kernel's own doing."""
    at = PROTOCOL_AT.get(frame[12:14])
    return at is not None and frame[at] in (TCP, UDP)


def is_loud(frame):
    """By a program, to everybody."""
    return is_said(frame) and frame[0] & 1 == 1


def main():
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    link.setsockopt(socket.SOL_SOCKET, 33, 1 << 26)  # SO_RCVBUFFORCE
    link.bind((sys.argv[1], 0))
    link.settimeout(0.2)
    ends = []
    signal.signal(signal.SIGTERM, lambda *_: ends.append(True))
    with open(sys.argv[2], "wb") as out:
        print("ready", flush=True)
        while not ends:
            try:
                frame = link.recv(LARGEST)
            except TimeoutError:
                continue
            out.write(struct.pack(">I", len(frame)) + frame)
    seen, missed = struct.unpack("II", link.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
    return f"missed {missed} of {seen} frames" if missed else 0


if __name__ == "__main__":
    sys.exit(main())
