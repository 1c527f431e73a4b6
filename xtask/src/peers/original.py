"""The design of the program that Saldo began as, for the comparison of speed alone.

A thread per client, a lock per account taken in the order of names, one dictionary of the tx_ids seen, and a log
line that is written after the locks are released and never synced. It speaks the same JSON lines. Called with a
port of loopback and the folder for the log; ends by a signal.
"""

import json
import socket
import sys
import threading


class Bank:
    def __init__(self, log):
        self.balances = {}
        self.locks = {}
        self.seen = {}
        self.shared = threading.RLock()  # around locks and seen
        self.log = log
        self.log_lock = threading.Lock()

    def lock_of(self, user):
        with self.shared:
            return self.locks.setdefault(user, threading.Lock())

    def is_duplicate(self, tx_id):
        if not tx_id:
            return False
        with self.shared:
            if tx_id in self.seen:
                return True
            self.seen[tx_id] = True
            return False

    def write(self, entry):
        line = json.dumps(entry) + "\n"
        with self.log_lock:
            self.log.write(line)
            self.log.flush()

    def init_accounts(self, request):
        accounts = {user: int(balance) for user, balance in request["accounts"].items()}
        for user, balance in accounts.items():
            with self.lock_of(user):
                self.balances[user] = balance
        self.write({"tx": "init", "accounts": accounts})
        return {"ok": True, "accounts": accounts}

    def balance(self, request):
        user = request["user"]
        with self.lock_of(user):
            return {"ok": True, "user": user, "balance": self.balances.get(user, 0)}

    def transfer(self, request):
        source, target, tx_id = request["from"], request["to"], request.get("tx_id")
        amount = int(request["amount"])
        if amount <= 0:
            return {"ok": False, "error": "amount must be > 0"}
        if source == target:
            return {"ok": False, "error": "cannot transfer to same account"}
        if self.is_duplicate(tx_id):
            return {"ok": True, "duplicate": True}
        first, second = sorted([source, target])
        with self.lock_of(first):
            with self.lock_of(second):
                before_from = self.balances.get(source, 0)
                before_to = self.balances.get(target, 0)
                if before_from < amount:
                    return {"ok": False, "error": "insufficient funds"}
                after_from = self.balances[source] = before_from - amount
                after_to = self.balances[target] = before_to + amount
        self.write({
            "tx": "transfer", "tx_id": tx_id, "from": source, "to": target,
            "amount": amount, "after_from": after_from, "after_to": after_to,
        })
        return {
            "ok": True,
            "from": {"user": source, "before": before_from, "after": after_from},
            "to": {"user": target, "before": before_to, "after": after_to},
        }

    def answer(self, line):
        try:
            request = json.loads(line)
            action = {
                "init_accounts": self.init_accounts,
                "balance": self.balance,
                "transfer": self.transfer,
            }[request["cmd"]]
            return action(request)
        except (KeyError, TypeError, ValueError) as error:
            return {"ok": False, "error": f"bad request: {error!r}"}


def serve_client(bank, connection):
    with connection, connection.makefile("rb") as lines:
        for line in lines:
            connection.sendall((json.dumps(bank.answer(line)) + "\n").encode())


def main():
    port, folder = int(sys.argv[1]), sys.argv[2]
    with open(f"{folder}/transactions.log", "a", encoding="utf-8") as log:
        bank = Bank(log)
        with socket.create_server(("127.0.0.1", port), backlog=256) as listener:
            while True:
                connection, _ = listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=serve_client, args=(bank, connection), daemon=True).start()


main()
