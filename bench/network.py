"""A network with 1 ms per round trip.

It is a forwarder on the same machine that lets everything arrive 0.5 ms later, in order. The kernel's own delay (netem)
would need root, and a server that listens on more than loopback or a forwarder all the same.
"""

import subprocess
from pathlib import Path

PROGRAM = Path(__file__).resolve().parent.parent / "build" / "release" / "bin" / "cenote-bench-network"
ROUND_TRIP_MS = 1.0
DESCRIPTION = f"a forwarder on this machine (bench/delay_proxy.cpp) adds {ROUND_TRIP_MS / 2:g} ms each way, in order"


class SlowNetwork:
    """The forwarder, from the first use of `port` to the end of the block."""

    def __init__(self, server_port: int):
        self._command = [PROGRAM, str(server_port), str(round(ROUND_TRIP_MS * 500))]
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
