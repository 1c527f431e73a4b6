#!/usr/bin/env python3
"""Figures of a large bank, each of which docs/performance.md has with this command.

  large-bank.py start   [--accounts 10000000] [--events 1000000]   start after kill -9, memory per account
  large-bank.py history [--transactions 50000000]                  oldest tx_id, a statement's page, memory

Makes a bank of its own in a new folder below --folder (default: target), with the release binary, and removes it.
"""
import argparse
import atexit
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SALDO = ROOT / "target/release/saldo"
NAMES_IN_A_LINE = 25_000  # some 600 KiB: below the longest line that is taken


class Server:
    """`saldo serve` over a folder."""

    def __init__(self, data, *options):
        began = time.monotonic()
        self.process = subprocess.Popen(
            [SALDO, "serve", "--no-http", "--listen", "127.0.0.1:0", "--data", data, *options],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        atexit.register(self.process.kill)
        line = self.process.stdout.readline()
        if not line.startswith("saldo ready tcp="):
            sys.exit(f"saldo serve did not start: {line!r}")
        self.address = line.split("=", 1)[1].strip()
        self.seconds_to_ready = time.monotonic() - began

    def resident_bytes(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))

    def connect(self):
        host, port = self.address.rsplit(":", 1)
        return socket.create_connection((host, int(port)))

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def bench(self, *options):
        said = subprocess.run(
            [SALDO, "bench", "--json", "--server", self.address, *options],
            check=True, stdout=subprocess.PIPE).stdout
        return json.loads(said)


def ask(wire, **request):
    wire.sendall(json.dumps(request).encode() + b"\n")
    return reply(wire)


def reply(wire):
    line = b""
    while not line.endswith(b"\n"):
        part = wire.recv(1 << 20)
        if not part:
            sys.exit("the server closed the connection")
        line += part
    answer = json.loads(line)
    if answer["ok"] is not True:
        sys.exit(f"refused: {answer}")
    return answer


def open_accounts(wire, count):
    for first in range(0, count, NAMES_IN_A_LINE):
        names = range(first, min(first + NAMES_IN_A_LINE, count))
        accounts = {f"account{number:05d}": 1000 for number in names}
        ask(wire, cmd="init_accounts", accounts=accounts)


def start(arguments, folder):
    data = folder / "data"
    # The accounts are in a snapshot: many checkpoints while they are opened; then none.
    server = Server(data)
    empty = server.resident_bytes()
    open_accounts(server.connect(), arguments.accounts)
    ask(server.connect(), cmd="shutdown")
    server.process.wait()
    server = Server(data)
    held = server.resident_bytes()
    print(f"{arguments.accounts:,} accounts: {(held - empty) / arguments.accounts:.0f} bytes resident for each")
    ask(server.connect(), cmd="shutdown")
    server.process.wait()
    server = Server(data, "--checkpoint-bytes", str(10**15))
    # A bench in rounds, until the events are there.
    seq = first = ask(server.connect(), cmd="totals")["seq"]
    while seq < first + arguments.events:
        server.bench("--secs", "1", "--conns", "16", "--depth", "64")
        seq = ask(server.connect(), cmd="totals")["seq"]
    server.kill()
    for _ in range(3):
        server = Server(data, "--checkpoint-bytes", str(10**15))
        print(f"start with {seq - first:,} events behind the snapshot: {server.seconds_to_ready:.1f} s")
        server.kill()


def history(arguments, folder):
    server = Server(folder / "data")
    wire = server.connect()
    ask(wire, cmd="init_accounts", accounts={"busy": 10**9, "other": 10**9})
    oldest = {"cmd": "transfer", "from": "busy", "to": "other", "amount": 1, "tx_id": "the-oldest"}
    ask(wire, **oldest)
    for number in range(20_000):
        ask(wire, cmd="transfer", **{"from": "busy", "to": "other"}, amount=1, tx_id=f"early-{number}")
    while (seq := ask(wire, cmd="totals")["seq"]) < arguments.transactions:
        server.bench("--secs", "20", "--conns", "16", "--depth", "64")
        print(f"{seq:,} transactions, {server.resident_bytes() / 2**20:.0f} MiB resident", flush=True)
    # The index catches up: it answers at the end of the order then.
    began = time.monotonic()
    again = ask(wire, **oldest)
    took = time.monotonic() - began
    if again.get("duplicate") is not True:
        sys.exit(f"the oldest tx_id was executed again: {again}")
    print(f"the oldest of {seq:,} tx_ids sent again: a duplicate, {took * 1e3:.1f} ms")
    times = []
    for page in range(50):
        began = time.monotonic()
        lines = ask(wire, cmd="statement", user="busy", limit=100, from_seq=2 + page * 300)["items"]
        times.append(time.monotonic() - began)
        if len(lines) != 100:
            sys.exit(f"a page of {len(lines)} lines")
    print(f"a page of 100 lines of a busy account, 50 times: median {statistics.median(times) * 1e3:.2f} ms, "
          f"worst {max(times) * 1e3:.1f} ms")
    print(f"{server.resident_bytes() / 2**20:.0f} MiB resident")
    server.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["start", "history"])
    parser.add_argument("--accounts", type=int, default=10_000_000)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--transactions", type=int, default=50_000_000)
    parser.add_argument("--folder", default=ROOT / "target")
    arguments = parser.parse_args()
    if not SALDO.exists():
        sys.exit("cargo build --release first")
    os.makedirs(arguments.folder, exist_ok=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="large-bank-", dir=arguments.folder))
    try:
        {"start": start, "history": history}[arguments.what](arguments, folder)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
