#!/usr/bin/env python3
"""A network with a delay.

It is a forwarder on the same machine that lets everything arrive later, in order, by half of what a round trip is to take.
The kernel's own delay (netem) would need root, and a server that listens on more than loopback or a forwarder all the same.

Run as a program it measures how exact the forwarder is, by one byte there and back:

    bench/network.py [MILLISECONDS-PER-ROUND-TRIP ...]
"""

import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

PROGRAM = Path(__file__).resolve().parent.parent / "build" / "release" / "bin" / "cenote-bench-network"


class SlowNetwork:
    """The forwarder, from the first use of `port` to the end of the block."""

    def __init__(self, server_port: int, round_trip_ms: float):
        self._command = [PROGRAM, str(server_port), str(round(round_trip_ms * 500))]
        self._process: subprocess.Popen[str] | None = None
        self._port = 0

    def __enter__(self) -> "SlowNetwork":
        return self

    @property
    def port(self) -> int:
        if not self._process:
            if not PROGRAM.exists():
                raise RuntimeError(f"not built: the target {PROGRAM.name} of the release preset")
            # It ends with its standard input, thus with this process however that ends.
            self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                             process_group=0)
            assert self._process.stdout
            self._port = int(self._process.stdout.readline())
        return self._port

    def __exit__(self, *_: object) -> None:
        if self._process:
            self._process.communicate()


# ---- how exact it is -------------------------------------------------------------------------------------------------


def echo(listener: socket.socket) -> None:
    """Sends back what one connection sends."""
    with listener.accept()[0] as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while data := peer.recv(64):
            peer.sendall(data)


def there_and_back(port: int, count: int) -> list[float]:
    """Microseconds that one byte takes, ascending."""
    took = []
    with socket.create_connection(("127.0.0.1", port)) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(count):
            begin = time.perf_counter()
            peer.sendall(b".")
            peer.recv(1)
            took.append(1e6 * (time.perf_counter() - begin))
    return sorted(took)


def measure(round_trip_ms: float, count: int = 1_000) -> list[float]:
    """The same through the forwarder; without it if nothing is to be added."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=echo, args=[listener], daemon=True).start()
        port = listener.getsockname()[1]
        if not round_trip_ms:
            return there_and_back(port, count)
        with SlowNetwork(port, round_trip_ms) as network:
            return there_and_back(network.port, count)


def describe(round_trips_ms: list[float]) -> str:
    found = ", ".join(f"{measure(x)[500]:.0f} us for {x:g} ms" for x in round_trips_ms)
    return (f"a forwarder on this machine (bench/delay_proxy.cpp) adds half of it each way, in order; one byte there and "
            f"back takes, median: {found}")


def main() -> None:
    for round_trip_ms in [0.0, *map(float, sys.argv[1:] or ["0.2", "1"])]:
        took = measure(round_trip_ms, 3_000)
        print(f"{round_trip_ms:g} ms: lowest {took[0]:.0f} us, p50 {took[1_500]:.0f} us, p99 {took[2_970]:.0f} us")


if __name__ == "__main__":
    main()
