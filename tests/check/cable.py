#!/usr/bin/env python3
"""A long cable: passes frames between two interfaces of this namespace, later, and not all of them.

  cable.py ONE OTHER --delay 0.025 --loss 0.01        (seconds, part of the frames; each way)
  cable.py ONE                                        (only makes its frames fit for a cable)

For machines whose kernel has no netem. Needs root."""

import argparse
import array
import fcntl
import heapq
import random
import select
import socket
import struct
import time

EVERYTHING = 0x0003  # ETH_P_ALL
OUTGOING = 4  # PACKET_OUTGOING: what we, or the kernel here, have sent
SIOCETHTOOL = 0x8946
OFFLOADS = (0x17, 0x1F, 0x24, 0x2C)  # ETHTOOL_STXCSUM, _STSO, _SGSO, _SGRO


def plain(link):
    """Frames as they are on a wire: whole checksums, none larger than the wire takes."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for what in OFFLOADS:
            value = array.array("B", struct.pack("II", what, 0))
            request = struct.pack("16sP", link.encode(), value.buffer_info()[0])
            try:
                fcntl.ioctl(any_socket, SIOCETHTOOL, request)
            except OSError:
                pass  # this one it does not have


def end(link):
    plain(link)
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EVERYTHING))
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    wire.bind((link, 0))
    index = socket.if_nametoindex(link)
    wire.setsockopt(263, 1, struct.pack("iHH8s", index, 1, 0, b""))  # PACKET_ADD_MEMBERSHIP, promiscuous
    wire.setblocking(False)
    return wire


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("one"), words.add_argument("other", nargs="?")
    words.add_argument("--delay", type=float, default=0.0), words.add_argument("--loss", type=float, default=0.0)
    words = words.parse_args()
    if not words.other:
        return plain(words.one)
    ends = [end(words.one), end(words.other)]
    chance, under_way, count = random.Random(1), [], 0
    print("ready", flush=True)
    while True:
        wait = max(0.0, under_way[0][0] - time.monotonic()) if under_way else None
        for wire in select.select(ends, [], [], wait)[0]:
            while True:
                try:
                    frame, about = wire.recvfrom(65_536)
                except BlockingIOError:
                    break
                if about[2] == OUTGOING or chance.random() < words.loss:
                    continue
                count += 1
                there = ends[1 - ends.index(wire)]
                heapq.heappush(under_way, (time.monotonic() + words.delay, count, there, frame))
        while under_way and under_way[0][0] <= time.monotonic():
            _, _, there, frame = heapq.heappop(under_way)
            try:
                there.send(frame)
            except OSError:
                pass  # too large, or no room: as on a real wire, it is lost


if __name__ == "__main__":
    main()
