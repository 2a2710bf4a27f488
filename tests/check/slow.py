#!/usr/bin/env python3
"""A long cable between two interfaces of one machine: late, and losing some of what it carries.

slow.py ONE OTHER DELAY_MS LOSS_PERCENT SEED: prints "ready", ends with SIGTERM. slow.py --plain INTERFACE makes an
interface send packets as a real card would: checked, and no longer than the network takes."""

import array
import collections
import fcntl
import random
import select
import signal
import socket
import struct
import sys
import time

ETH_P_ALL, SOL_PACKET, PACKET_OUTGOING, SIOCETHTOOL = 3, 263, 4, 0x8946
# checksums, scatter-gather, TCP's and everybody's cutting by the card: ETHTOOL_STXCSUM, _SSG, _STSO, _SGSO, _SGRO
OFFLOADS = 0x17, 0x19, 0x1F, 0x24, 0x2C
LARGEST = 1 << 17


def plain(link):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for offload in OFFLOADS:
            value = array.array("B", struct.pack("II", offload, 0))
            request = struct.pack("16sP", link.encode(), value.buffer_info()[0])
            fcntl.ioctl(any_socket, SIOCETHTOOL, request)


def end_of(link):
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    end.setsockopt(socket.SOL_SOCKET, 33, 1 << 26)  # SO_RCVBUFFORCE
    end.bind((link, 0))
    end.setblocking(False)
    return end


def main():
    if sys.argv[1] == "--plain":
        return plain(sys.argv[2])
    one, other = map(end_of, sys.argv[1:3])
    delay, loss = float(sys.argv[3]) / 1000, float(sys.argv[4]) / 100
    across, lost, late = {one: other, other: one}, random.Random(sys.argv[5]), collections.deque()
    ends = []
    signal.signal(signal.SIGTERM, lambda *_: ends.append(True))
    print("ready", flush=True)
    while not ends:
        wait = max(0, late[0][0] - time.monotonic()) if late else 0.2
        for end in select.select([one, other], [], [], wait)[0]:
            frame, (_, _, kind, _, _) = end.recvfrom(LARGEST)
            if kind != PACKET_OUTGOING and lost.random() >= loss:
                late.append((time.monotonic() + delay, across[end], frame))
        while late and late[0][0] <= time.monotonic():
            _, to, frame = late.popleft()
            to.send(frame)


if __name__ == "__main__":
    sys.exit(main())
