# SPDX-License-Identifier: MIT
"""A TCP proxy that makes trouble: cuts, half-open connections, latency, refusal, another upstream.
It runs in a thread of its own; every method may be called from any thread."""
import asyncio
import collections
import random
import socket
import threading


class Side(asyncio.Protocol):
    """One end of a link: what comes in here goes out at the other end."""

    def __init__(self, link):
        self.link = link
        self.transport = None
        self.last_due = 0.0
        self.waiting = collections.deque()  # what goes out here later, in order

    def connection_made(self, transport):
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data):
        self.link.forward(self, data)

    def connection_lost(self, reason):
        self.link.lost(self)


class Link:
    """One connection through the proxy."""

    def __init__(self, proxy):
        self.proxy = proxy
        self.client, self.server = Side(self), Side(self)
        self.early = []  # what the client said before the upstream answered
        self.muted = False
        self.closed = False

    def other(self, side):
        return self.server if side is self.client else self.client

    def forward(self, side, data):
        self.proxy.bytes += len(data)
        if self.muted or self.proxy.blackhole:
            return
        to = self.other(side)
        if to.transport is None:
            self.early.append(data)
            return
        if not self.proxy.latency and not to.waiting:
            to.transport.write(data)
            return
        low, high = self.proxy.latency or (0, 0)
        to.last_due = max(to.last_due, self.proxy.loop.time() + self.proxy.rng.uniform(low, high))
        to.waiting.append(data)
        self.proxy.loop.call_at(to.last_due, self.write_next, to)

    def write_next(self, to):
        """Timers that are due at the same moment fire in any order: the queue keeps the bytes'."""
        data = to.waiting.popleft()
        if not self.closed and not self.muted and not self.proxy.blackhole:
            to.transport.write(data)

    def connected(self):
        early, self.early = self.early, []
        for data in early:
            self.forward(self.client, data)

    def lost(self, side):
        """A half-open link swallows the end of the connection, too."""
        if self.muted or self.proxy.blackhole:
            return
        to = self.other(side)
        delay = max(0.0, to.last_due - self.proxy.loop.time())
        self.proxy.loop.call_later(delay, self.close)

    def close(self, reset=False):
        self.closed = True
        self.proxy.links.discard(self)
        for side in (self.client, self.server):
            if side.transport:
                if reset:
                    side.transport.abort()
                else:
                    side.transport.close()


class Proxy:
    def __init__(self, upstream_port, seed):
        self.upstream = upstream_port
        self.rng = random.Random(seed)
        self.links = set()
        self.latency = None
        self.blackhole = self.refusing = False
        self.bytes = self.accepted = self.cuts = 0
        self.loop = asyncio.new_event_loop()
        ready = threading.Event()
        self.thread = threading.Thread(target=self.serve, args=(ready,), daemon=True)
        self.thread.start()
        ready.wait()

    def serve(self, ready):
        asyncio.set_event_loop(self.loop)
        self.listener = self.loop.run_until_complete(self.loop.create_server(self.accept, "127.0.0.1", 0))
        self.port = self.listener.sockets[0].getsockname()[1]
        ready.set()
        self.loop.run_forever()
        self.listener.close()
        for link in list(self.links):
            link.close(reset=True)
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self.loop.close()

    def accept(self):
        link = Link(self)
        self.accepted += 1
        self.links.add(link)
        self.loop.create_task(self.connect(link))
        return link.client

    async def connect(self, link):
        if self.refusing:
            link.close(reset=True)
        elif not self.blackhole:
            try:
                await self.loop.create_connection(lambda: link.server, "127.0.0.1", self.upstream)
                link.connected()
            except OSError:
                link.close(reset=True)

    def call(self, f):
        """Runs f in the proxy's thread and waits for its answer."""
        async def run():
            return f()
        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(10)

    # --- the trouble
    def cut(self, share=1.0):
        """Resets a share of the live connections; 1.0 is all of them."""
        def f():
            chosen = [link for link in sorted(self.links, key=id) if self.rng.random() < share]
            for link in chosen:
                link.close(reset=True)
            self.cuts += len(chosen)
            return len(chosen)
        return self.call(f)

    def mute(self, share=1.0):
        """Half-open: a share of the live connections swallow everything from now on, for good."""
        def f():
            chosen = [link for link in sorted(self.links, key=id) if self.rng.random() < share]
            for link in chosen:
                link.muted = True
            return len(chosen)
        return self.call(f)

    def set(self, **modes):
        """latency=(low, high) in seconds, blackhole, refusing, upstream; None or False ends it."""
        def f():
            for name, value in modes.items():
                setattr(self, name, value)
        self.call(f)

    def heal(self):
        """New connections are fine again. What was half-open stays so, as in life, until closed."""
        def f():
            if self.blackhole:
                for link in self.links:
                    link.muted = True
            self.latency = None
            self.blackhole = self.refusing = False
        self.call(f)

    def stop(self):
        if self.loop.is_running():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join(5)
