#!/usr/bin/env bash
# A whole bank beyond one machine, on this one: the cluster of `pg-local.sh up 3`, and two servers over
# it. `bank-local.sh help` says how.
set -euo pipefail

host=127.0.0.1
databases=$(dirname "$(realpath "$0")")/pg-local.sh
saldo=${SALDO_BIN:-$(dirname "$(realpath "$0")")/../target/release/saldo}
usage() {
  cat <<'USAGE'
bank-local.sh up DIR [PORT]      starts what does not run: the cluster in DIR, and the bank on it
bank-local.sh start DIR N        starts server 0 or 1 again when it has ended
bank-local.sh down DIR           ends the servers and the cluster; the folder stays, for `up` or to be
                                 deleted

The two servers listen on PORT and PORT+1, when not given where they did before, or on 5000 and 5001; each
is the same bank. They are target/release/saldo, or what SALDO_BIN names. The cluster is the one of
`pg-local.sh up 3 DIR`, or the one that is in DIR. When `up` fails it ends what it started; the logs stay.
USAGE
}
fail() {
  echo "bank-local.sh: $1" >&2
  [ $# -lt 2 ] || echo "  hint: $2" >&2
  exit 1
}
misused() { fail "$1" "bank-local.sh help"; }

# Whether process $1 is a server that runs: its number may have gone to somebody else since.
is_server() {
  local name state
  name=$(cat "/proc/$1/comm" 2>/dev/null || true)
  state=$(ps -o stat= -p "$1" 2>/dev/null | cut -c1 || true)
  [ "$name" = "$(basename "$saldo" | cut -c-15)" ] && [ "$state" != Z ]
}

# launch N: the place of its clients is in DIR/saldoN.at; HTTP is spoken 80 ports further up.
launch() {
  local log=$dir/saldo$1.log pid at
  : >"$log"
  at=$(cat "$dir/saldo$1.at")
  setsid "$saldo" serve --listen "$at" --http "$host:$((${at##*:} + 80))" --data "$(cat "$dir/address")" \
    </dev/null >"$log" 2>&1 &
  pid=$!
  echo "$pid" >"$dir/saldo$1.pid"
  for _ in $(seq 300); do
    ! grep -q '^saldo ready' "$log" || return 0
    kill -0 "$pid" 2>/dev/null || {
      cat "$log" >&2
      fail "server $1 did not start at $(cat "$dir/saldo$1.at"); its log is $log"
    }
    sleep 0.1
  done
  fail "server $1 is not ready at $(cat "$dir/saldo$1.at") after 30 s; its log is $log"
}

runs() { is_server "$(cat "$dir/saldo$1.pid" 2>/dev/null || echo 0)"; }

up() {
  local n made
  [ -x "$saldo" ] || fail "there is no $saldo" "cargo build --release"
  ! runs 0 && ! runs 1 || fail "a server of $dir runs already" "bank-local.sh start $dir N, for the other one"
  port=${port:-$(sed 's/.*://' "$dir/saldo0.at" 2>/dev/null || echo 5000)}
  cluster_ran=$("$databases" runs "$dir")
  trap end_what_started EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  "$databases" up "$(cat "$dir/tier" 2>/dev/null || echo 3)" "$dir" >/dev/null
  made=$("$saldo" postgres init "$(cat "$dir/address")" 2>&1) || [[ $made == *schema_exists* ]] || fail "$made"
  for n in 0 1; do
    echo "$host:$((port + n))" >"$dir/saldo$n.at"
    launch "$n"
  done
  trap - EXIT
  echo "database  $(cat "$dir/address")"
  echo "servers   $(cat "$dir/saldo0.at") $(cat "$dir/saldo1.at")"
}

end_what_started() {
  end_servers
  [ "$cluster_ran" = yes ] || "$databases" down "$dir"
}

end_servers() {
  local n pid
  for n in 0 1; do
    [ -f "$dir/saldo$n.pid" ] || continue
    pid=$(cat "$dir/saldo$n.pid")
    rm -f "$dir/saldo$n.pid"
    if ! is_server "$pid"; then continue; fi
    # An orderly stop; a server whose database is gone may wait for it longer than anybody wants.
    kill -TERM "$pid" 2>/dev/null || true
    for _ in $(seq 100); do
      if ! is_server "$pid"; then continue 2; fi
      sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null || true
  done
}

down() {
  end_servers
  "$databases" down "$dir"
}

case ${1:-} in
  up)
    [ $# -ge 2 ] && [ $# -le 3 ] || misused "up takes a folder and perhaps a port"
    dir=$(realpath -m "$2") port=${3:-}
    [[ $port =~ ^[0-9]*$ ]] || misused "'$port' is no port"
    up
    ;;
  start)
    [ $# = 3 ] || misused "start takes a folder and 0 or 1"
    dir=$(realpath -m "$2")
    [ -f "$dir/saldo$3.at" ] || misused "there is no server $3 in $dir"
    if runs "$3"; then fail "server $3 runs already"; fi
    launch "$3"
    ;;
  down)
    [ $# = 2 ] || misused "down takes a folder"
    dir=$(realpath -m "$2")
    down
    ;;
  help | --help | -h) usage ;;
  *)
    usage >&2
    exit 2
    ;;
esac
