"""The faults, one function each: they cause one, and end it. What must be so meanwhile, they check."""

import signal
import time
from collections.abc import Callable

from faulty_network import BOTH, DIRECTION_NAMES, TO_CLIENT, TO_NODE, Weather
from processes import await_true


class Injector:
    def __init__(self, world, callers: int):
        self.world, self.callers = world, callers
        self.round = 0  # Complete rounds of all faults.

    def cause(self, name: str) -> str:
        """Causes the fault and ends it; returns what there is to say."""
        return FAULTS[name](self)

    # -- whom it strikes

    def node(self):
        """One that has clients, if there is one."""
        busy = [x for x in self.world.nodes if x.clients()]
        return self.world.random.choice(busy or self.world.nodes)

    def worker(self):
        """One that a node serves."""
        worker = self.world.random.choice(self.world.workers)
        await_true(f"{worker.name} has found a node", lambda: self.world.node_of(worker) is not None, 30)
        return worker

    @property
    def beyond(self) -> float:
        """Long enough for both sides to give up."""
        return self.world.size.give_up + 2 * self.world.size.heartbeat + 0.3

    # -- processes

    def kill_node(self) -> str:
        node = self.node()
        node.kill()
        time.sleep(1)
        self.world.start_node(node)
        return f" {node.name}"

    def kill_worker(self) -> str:
        worker = self.worker()
        worker.kill()
        self.world.killed.add(worker.number)
        self.world.await_gone(worker, 10)
        self.world.forget(worker)
        self.world.add_worker(self.callers)
        return f" {worker.name}"

    def freeze_node(self) -> str:
        node = self.node()
        node.freeze()
        time.sleep(self.beyond)
        node.thaw()
        return f" {node.name}"

    def freeze_worker(self) -> str:
        worker = self.worker()
        worker.freeze()
        try:
            self.world.await_gone(worker, self.beyond + 5)
        finally:
            worker.thaw()
        return f" {worker.name}"

    def restart_nodes(self) -> str:
        """A rolling restart: what was accepted is answered, the clients go to another node."""
        for node in self.world.nodes:
            node.stop(30)
            self.world.start_node(node)
        return ""

    def kill_database(self) -> str:
        self.world.server.crash()
        self.world.server.revive()
        return ""

    # -- the network

    def cut(self, whom, directions=BOTH) -> str:
        for each in whom:
            self.world.network.cut(each.name, directions)
        time.sleep(self.beyond)
        for each in whom:
            self.world.network.heal(each.name)
        return f" {' and '.join(x.name for x in whom)}, {DIRECTION_NAMES[directions]}"

    def cut_worker(self) -> str:
        """The nodes give it up."""
        worker = self.worker()
        self.world.network.cut(worker.name)
        try:
            self.world.await_gone(worker, self.beyond + 5)
        finally:
            self.world.network.heal(worker.name)
        return f" {worker.name}, {DIRECTION_NAMES[BOTH]}"

    def hiccup(self) -> str:
        """Too short for anybody to give up."""
        node = self.node()
        self.world.network.cut(node.name)
        time.sleep(self.world.size.give_up / 3)
        self.world.network.heal(node.name)
        return f" {node.name}"

    def reset(self) -> str:
        node = self.node()
        self.world.network.reset(node.name)
        return f" {node.name}"

    def slow(self, weather: Weather) -> str:
        self.world.network.set_weather(weather)
        try:
            time.sleep(self.world.size.give_up)
            self.world.await_writes(len(self.world.workers) * self.callers, 60)
        finally:
            self.world.network.set_weather(Weather())
        return ""

    def stand_by(self) -> str:
        """All but one node are killed while clients are served, then that one: the clients go where one is."""
        last, *others = self.world.random.sample(self.world.nodes, len(self.world.nodes))
        for node in others:
            node.kill()
        await_true(f"all clients have found {last.name}", lambda: len(last.clients()) == len(self.world.workers), 30)
        for node in others:
            self.world.start_node(node)
        last.signal(signal.SIGKILL)
        last.process.wait()
        time.sleep(0.5)
        self.world.start_node(last)
        return f" {last.name} alone"


FAULTS: dict[str, Callable[[Injector], str]] = {
    "kill-node": Injector.kill_node,
    "kill-worker": Injector.kill_worker,
    "freeze-node": Injector.freeze_node,
    "freeze-worker": Injector.freeze_worker,
    "cut-node": lambda x: x.cut([x.node()]),
    "cut-worker": Injector.cut_worker,
    "cut-both": lambda x: x.cut([x.node(), x.worker()]),
    "cut-to-node": lambda x: x.cut([x.node()], (TO_NODE,)),
    "cut-to-client": lambda x: x.cut([x.node()], (TO_CLIENT,)),
    "cut-worker-out": lambda x: x.cut([x.worker()], (TO_NODE,)),
    "cut-worker-in": lambda x: x.cut([x.worker()], (TO_CLIENT,)),
    "hiccup": Injector.hiccup,
    "reset": Injector.reset,
    "slow": lambda x: x.slow(Weather(delay=0.1, loss=0.01)),
    "throttle": lambda x: x.slow(Weather(bytes_per_second=8_000)),
    "restart-nodes": Injector.restart_nodes,
    "stand-by": Injector.stand_by,
    "kill-database": Injector.kill_database,
}
