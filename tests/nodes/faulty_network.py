"""A network between clients and pool nodes that can be cut, in one direction or both, delayed and throttled.

A forwarder of TCP connections on loopback, in a thread of its own, with a door for each pair of client and node: so the
network of a node, of a client, or of both can be disturbed. It is what a real network is to its two ends, seen from
above TCP: what is sent while the network is cut is not lost but late, an end that gives up meanwhile is not noticed by
the other one, and a lost packet holds up what follows it for the time of its retransmission.
"""

import asyncio
import random
import threading
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass

CHUNK_SECONDS = 0.02  # A throttled flow sends so often.
HELD_BYTES = 1 << 20  # From here on a flow that is held back reads no more, as a full window would have it.
TO_NODE, TO_CLIENT = 0, 1
BOTH = (TO_NODE, TO_CLIENT)
DIRECTION_NAMES = {BOTH: "both ways", (TO_NODE,): "towards the node", (TO_CLIENT,): "towards the client"}


@dataclass
class Weather:
    """What all connections have in common."""

    delay: float = 0.0  # Seconds each way.
    loss: float = 0.0  # Share of chunks that come late by a retransmission.
    retransmission: tuple[float, float] = (0.2, 0.4)
    bytes_per_second: float = 0.0  # Of each flow; zero: no limit.


class Flow(asyncio.Protocol):
    """One end of a connection: reads there, and writes to the other end."""

    def __init__(self, network: "FaultyNetwork", pair: tuple[Hashable, Hashable], direction: int):
        self.network, self.pair, self.direction = network, pair, direction
        self.transport: asyncio.Transport | None = None
        self.other: Flow | None = None
        self.held: deque[tuple[float, bytes]] = deque()
        self.held_bytes = 0
        self.last_due = 0.0
        self.ended = False
        self.timer: asyncio.TimerHandle | None = None
        self.reading = True

    # -- of asyncio

    def connection_made(self, transport) -> None:
        self.transport = transport
        if self.direction == TO_NODE:
            self.network.doors_opened(self)

    def data_received(self, data: bytes) -> None:
        self.network.forwarded += 1
        weather = self.network.weather
        if not self.held and not weather.delay and not weather.bytes_per_second and self.is_open():
            self.other.transport.write(data)
            return
        due = self.network.loop.time() + weather.delay
        if weather.loss and self.network.random.random() < weather.loss:
            due += self.network.random.uniform(*weather.retransmission)
        self.last_due = max(self.last_due, due)  # In their order.
        self.held.append((self.last_due, data))
        self.held_bytes += len(data)
        self.pump()

    def connection_lost(self, _error) -> None:
        self.ended = True
        self.pump()

    # -- of the network

    def is_open(self) -> bool:
        """Whether the other end can be reached, as far as this end knows."""
        return bool(self.other and self.other.transport) and not self.network.is_cut(self.pair, self.direction)

    def pump(self) -> None:
        """Hands on what may be."""
        if self.timer:
            self.timer.cancel()
            self.timer = None
        if not self.is_open():
            self.limit_reading()
            return
        now, rate = self.network.loop.time(), self.network.weather.bytes_per_second
        budget = int(rate * CHUNK_SECONDS) if rate else HELD_BYTES * 64
        while self.held and self.held[0][0] <= now and budget > 0:
            due, data = self.held.popleft()
            part, rest = data[:budget], data[budget:]
            if rest:
                self.held.appendleft((due, rest))
            budget -= len(part)
            self.held_bytes -= len(part)
            if not self.other.ended:
                self.other.transport.write(part)
        if self.held:
            wait = CHUNK_SECONDS if rate else 0
            self.timer = self.network.loop.call_later(max(wait, self.held[0][0] - now), self.pump)
        elif self.ended and not self.other.ended:
            self.other.transport.close()
        self.limit_reading()

    def limit_reading(self) -> None:
        reads = self.held_bytes < HELD_BYTES
        if self.transport and not self.ended and reads != self.reading:
            self.reading = reads
            (self.transport.resume_reading if reads else self.transport.pause_reading)()


class FaultyNetwork:
    """Functions may be called from any thread, and take effect before they return."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)
        self.weather = Weather()
        self.forwarded = 0  # Pieces of data.
        self.loop = asyncio.new_event_loop()
        self._cuts: set[tuple[Hashable, int]] = set()
        self._flows: set[Flow] = set()
        self._servers: dict[tuple[Hashable, Hashable], asyncio.Server] = {}
        self._node_ports: dict[Hashable, int] = {}
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        def end() -> None:
            for server in self._servers.values():
                server.close()
            for flow in self._flows:
                if flow.transport:
                    flow.transport.abort()
            self.loop.call_later(0.05, self.loop.stop)

        self.loop.call_soon_threadsafe(end)
        self._thread.join()
        self.loop.close()

    # -- doors

    def set_node(self, node: Hashable, port: int) -> None:
        """Where a node listens from now on."""
        self._call(lambda: self._node_ports.__setitem__(node, port))

    def door(self, client: Hashable, node: Hashable) -> int:
        """The port at which this client reaches this node."""

        async def open_door() -> int:
            pair = (client, node)
            server = await self.loop.create_server(lambda: Flow(self, pair, TO_NODE), "127.0.0.1", 0, backlog=64)
            self._servers[pair] = server
            return server.sockets[0].getsockname()[1]

        return asyncio.run_coroutine_threadsafe(open_door(), self.loop).result()

    def close_doors(self, client: Hashable) -> None:
        def close() -> None:
            for pair in [x for x in self._servers if x[0] == client]:
                self._servers.pop(pair).close()

        self._call(close)

    def connections(self, client: Hashable) -> int:
        """How many are open at the client's end."""
        return self._call(lambda: sum(x.pair[0] == client and not x.ended for x in self._flows
                                      if x.direction == TO_NODE))

    # -- faults

    def cut(self, whom: Hashable, directions: tuple[int, ...] = BOTH) -> None:
        """Nothing passes from or to this client or node; new connections hang."""
        self._call(lambda: self._cuts.update((whom, x) for x in directions))

    def heal(self, whom: Hashable) -> None:
        def heal() -> None:
            self._cuts -= {(whom, x) for x in BOTH}
            self._pump_all()

        self._call(heal)

    def reset(self, whom: Hashable) -> None:
        """Breaks all connections: both ends see a reset."""

        def reset() -> None:
            for flow in self._flows:
                if whom in flow.pair and flow.transport:
                    flow.transport.abort()

        self._call(reset)

    def set_weather(self, weather: Weather) -> None:
        def change() -> None:
            self.weather = weather
            self._pump_all()

        self._call(change)

    # -- within the thread

    def is_cut(self, pair: tuple[Hashable, Hashable], direction: int) -> bool:
        return bool(self._cuts) and any((x, direction) in self._cuts for x in pair)

    def doors_opened(self, flow: Flow) -> None:
        """A client has come: leads it to its node, once the network is there."""
        self._flows.add(flow)
        self.loop.create_task(self._lead(flow))

    async def _lead(self, flow: Flow) -> None:
        while not flow.ended and any(self.is_cut(flow.pair, x) for x in BOTH):
            await asyncio.sleep(0.02)
        if flow.ended:
            self._flows.discard(flow)
            return
        back = Flow(self, flow.pair, TO_CLIENT)
        back.other = flow
        try:
            await self.loop.create_connection(lambda: back, "127.0.0.1", self._node_ports[flow.pair[1]])
        except OSError:
            flow.transport.abort()
            self._flows.discard(flow)
            return
        flow.other = back
        self._flows.add(back)
        flow.pump()
        self._flows = {x for x in self._flows if not (x.ended and (not x.other or x.other.ended))}

    def _pump_all(self) -> None:
        for flow in list(self._flows):
            flow.pump()

    def _call(self, what: Callable):
        async def call():
            return what()

        return asyncio.run_coroutine_threadsafe(call(), self.loop).result()
