# SPDX-License-Identifier: BSD-2-Clause
#
# badinput.py -- bytes that no client library sends, over TLS to a running API
# server: requests that two parsers could read differently, and clients that are
# slow in every direction, beside one that is not.
# usage: badinput.py HOST:PORT CA-FILE TOKEN PID
# Prints `ok - claim` lines, which the shell test that runs it numbers.
import json
import os
import selectors
import socket
import ssl
import sys
import threading
import time

ADDR, CA, TOKEN, PID = sys.argv[1:]
HOST, PORT = ADDR.rsplit(":", 1)
MAPS = "/api/v1/namespaces/default/configmaps"
SLOW = 60			# clients of each kind
NEVER = 30			# clients that never read
BIG = 10000			# bytes of each of LIST objects
LIST = 300
QUICK = 200			# requests beside them
LATE_S = 2			# seconds, of the slowest of those
GROWTH_KIB = 64 << 10		# of the server's memory
HEAD_S = 32			# HTTP_HEAD_MS: a head must have come by then
bad = 0
tls = ssl.create_default_context(cafile=CA)


def ok(claim, good, *diag):
    global bad
    if not good:
        bad += 1
        for d in diag:
            print("#", str(d)[:500].replace("\n", "\n# "))
    print("ok" if good else "not ok", "-", claim, flush=True)


def connect(small=False):
    s = socket.socket()
    s.settimeout(20)
    if small:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.connect((HOST, int(PORT)))
    return tls.wrap_socket(s, server_hostname=HOST)


def head(method, path, *fields):
    lines = ["%s %s HTTP/1.1" % (method, path), "Host: " + ADDR,
             "Authorization: Bearer " + TOKEN, *fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def raw(data):
    """Everything that comes back, and whether the server hung up."""
    s, got = connect(), b""
    try:
        s.sendall(data)
        while True:
            more = s.recv(65536)
            if not more:
                return got, True
            got += more
    except socket.timeout:
        return got, False
    except OSError:			# reset: hung up too
        return got, True
    finally:
        s.close()


def quick(s, method, path, body=None):
    """One request on a connection that stays."""
    data = json.dumps(body).encode() if body is not None else b""
    s.sendall(head(method, path, "Content-Type: application/json",
                   "Content-Length: %d" % len(data)) + data)
    got = b""
    while b"\r\n\r\n" not in got:
        more = s.recv(65536)
        if not more:
            return 0
        got += more
    top, rest = got.split(b"\r\n\r\n", 1)
    n = [int(f.split(b":")[1]) for f in top.split(b"\r\n")
         if f.lower().startswith(b"content-length:")][0]
    while len(rest) < n:
        rest += s.recv(65536)
    return int(top.split()[1])


INNER = head("GET", "/version")
TWO = "Transfer-Encoding: chunked"
LONG = "Content-Length: %d" % len(INNER)
SMUGGLED = [
    ("a length and chunks", head("POST", MAPS, LONG, TWO) + b"0\r\n\r\n"),
    ("chunks and a length", head("POST", MAPS, TWO, LONG) + b"0\r\n\r\n"),
    ("two lengths", head("POST", MAPS, "Content-Length: 0", LONG)),
    ("a list of lengths", head("POST", MAPS, LONG + ", 0")),
    ("a signed length", head("POST", MAPS, "Content-Length: +0")),
    ("a negative length", head("POST", MAPS, "Content-Length: -1")),
    ("a length in hex", head("POST", MAPS, "Content-Length: 0x0")),
    ("chunks twice", head("POST", MAPS, TWO, TWO) + b"0\r\n\r\n"),
    ("chunks and identity", head("POST", MAPS, TWO + ", identity") +
     b"0\r\n\r\n"),
    ("another coding", head("POST", MAPS, "Transfer-Encoding: xchunked") +
     b"0\r\n\r\n"),
    ("a folded field", head("POST", MAPS, "X: a\r\n b", "Content-Length: 0")),
    ("a folded coding", head("POST", MAPS, "Transfer-Encoding:\r\n chunked") +
     b"0\r\n\r\n"),
    ("a blank before the colon", head("POST", MAPS,
                                      "Transfer-Encoding : chunked")),
    ("a bare LF between fields", head("GET", "/version",
                                      "X: a\nContent-Length: 0")),
    ("a head that ends in bare LFs", head(
        "GET", "/version").replace(b"\r\n\r\n", b"\n\n")),
    ("a bare CR in a value", head("GET", "/version", "X: a\rb")),
    ("a NUL in a value", head("GET", "/version", "X: a\0b")),
    ("two blanks in the first line", head("GET ", "/version")),
    ("a chunk's size with a bare LF", head("POST", MAPS, TWO) +
     b"1\n{\r\n0\r\n\r\n"),
    ("a chunk's size that overflows", head("POST", MAPS, TWO) +
     b"10000000000000001\r\n{\r\n0\r\n\r\n"),
    ("a chunk longer than it says", head("POST", MAPS, TWO) +
     b"1\r\n{}\r\n0\r\n\r\n"),
]


def smuggling():
    for name, data in SMUGGLED:
        got, closed = raw(data + INNER)
        n = got.count(b"HTTP/1.1 ")
        status = int(got.split()[1]) if got.startswith(b"HTTP/1.1 ") else 0
        ok("%s: refused, hung up, nothing behind it is read" % name,
           n == 1 and closed and 400 <= status < 600 and
           b"gitVersion" not in got, got, "hung up: %s" % closed)


def memory_kib():
    try:
        with open("/proc/%s/status" % PID) as f:
            return [int(line.split()[1]) for line in f
                    if line.startswith("VmRSS")][0]
    except OSError:
        return None


class Drip(threading.Thread):
    """A byte to every connection, ten times a second."""

    def __init__(self, socks):
        super().__init__(daemon=True)
        self.socks, self.left, self.end = socks, set(socks), False
        self.sel = selectors.DefaultSelector()
        for s in socks:
            s.setblocking(False)
            self.sel.register(s, selectors.EVENT_READ)

    def gone(self, s):
        if s in self.left:
            self.left.discard(s)
            self.sel.unregister(s)

    def run(self):
        while not self.end and self.left:
            stop = time.monotonic() + 0.1
            for s in list(self.left):
                try:
                    s.send(b"a")
                except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
                    pass
                except OSError:
                    self.gone(s)
            while self.left and time.monotonic() < stop:
                for key, _ in self.sel.select(stop - time.monotonic()):
                    try:
                        if not key.fileobj.recv(4096):
                            self.gone(key.fileobj)
                    except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                        pass
                    except OSError:
                        self.gone(key.fileobj)


def slow():
    fast = connect()
    made = [quick(fast, "POST", MAPS, {
        "metadata": {"name": "big%d" % i}, "data": {"a": "x" * BIG}})
        for i in range(LIST)]
    ok("a list of %d MB to read slowly" % (LIST * BIG // 1000000),
       set(made) == {201}, set(made))
    before = memory_kib()
    heads = [connect() for _ in range(SLOW)]
    for s in heads:
        s.sendall(b"GET /version HTTP/1.1\r\nHost: x\r\nX-Slow: ")
    bodies = [connect() for _ in range(SLOW)]
    for s in bodies:
        s.sendall(head("POST", MAPS, "Content-Length: 1000000"))
    never = [connect(small=True) for _ in range(NEVER)]
    for s in never:
        s.sendall(head("GET", MAPS))
    drip, drop = Drip(heads), Drip(bodies)
    drip.start()
    drop.start()
    t_heads = time.monotonic()
    times, codes, most = [], set(), before
    for i in range(QUICK):
        t0 = time.monotonic()
        codes.add(quick(fast, "GET", MAPS + "/big%d" % (i % LIST)))
        times.append(time.monotonic() - t0)
        if i % 20 == 0 and before is not None:
            most = max(most, memory_kib())
    ok("%d clients drip heads, %d bodies, %d never read: the others are "
       "answered" % (SLOW, SLOW, NEVER), codes == {200}, codes)
    ok("within %d s each" % LATE_S, max(times) < LATE_S, max(times))
    if before is None:
        print("# no /proc: memory not seen")
    else:
        ok("the server grows by less than %d MiB" % (GROWTH_KIB >> 10),
           most - before < GROWTH_KIB, "%d KiB" % (most - before))
    end = t_heads + HEAD_S + 20
    while drip.left and time.monotonic() < end:
        drip.join(0.2)
    ok("a head that drips is cut, whatever still comes", not drip.left,
       "%d of %d are left" % (len(drip.left), SLOW))
    ok("and the others still are answered",
       quick(connect(), "GET", MAPS + "/big0") == 200)
    drip.end = drop.end = True


def late_reader():
    """Who sends all before it reads must get the answer too, not a reset."""
    body = b" " * ((3 << 20) + 1)
    got = []
    for _ in range(8):
        data, _ = raw(head("POST", MAPS, "Content-Type: application/json",
                           "Content-Length: %d" % len(body)) + body)
        got.append(data[:12])
    ok("3 MiB and a byte, sent whole before reading: 413 arrives",
       got == [b"HTTP/1.1 413"] * 8, got)


smuggling()
late_reader()
slow()
sys.exit(bad != 0)
