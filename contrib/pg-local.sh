#!/usr/bin/env bash
# Databases for trying and testing Saldo, on loopback, without containers. `pg-local.sh help` says how.
#
# All that a cluster is lies in its folder DIR: data, settings, logs (NAME.log), process numbers
# (NAME.pid), and for each program of `up 3` the command that started it (NAME.run). A cluster that has
# once been up also has the address for saldo (address) and the number behind `up` (tier).
set -euo pipefail

host=127.0.0.1
usage() {
  cat <<'USAGE'
pg-local.sh up 1 DIR [PORT]      one PostgreSQL
pg-local.sh up 2 DIR [PORT]      a primary and a synchronous standby
pg-local.sh up 3 DIR [PORT]      three PostgreSQL under Patroni, with three etcd: fails over by itself
pg-local.sh start DIR NAME       starts a program again that has ended: p (the primary) or s (the standby);
                                 of `up 3` etcd0..2, patroni0..2
pg-local.sh runs DIR             says yes if anything of DIR runs, or no
pg-local.sh down DIR             ends all of DIR; the folder stays, for `up` or to be deleted

DIR is new or empty, or a cluster's own: then `up` starts what does not run of it, at its ports and with
its data. PORT is the first port, 24320 when not given: the databases listen on PORT, PORT+1, PORT+2;
`up 3` also takes PORT+10 to +12 and +20 to +22 (etcd) and +30 to +32 (Patroni).
`up` prints the address of the database for saldo, and keeps it in DIR/address. When it fails it ends what
it started, and the logs stay.
Everything listens on 127.0.0.1 alone, where everybody is let in: for trials, never for money.
As root, the programs run as the user postgres.

PG_LOCAL_PEER_PORTS='N N N' (up 3): the ports at which the databases find each other, where somebody
passes on to theirs: a test that cuts their network.
USAGE
}
fail() {
  echo "pg-local.sh: $1" >&2
  [ $# -lt 2 ] || echo "  hint: $2" >&2
  exit 1
}
misused() { fail "$1" "pg-local.sh help"; }

# --- what has to be there -------------------------------------------------------------------------

# needs PROGRAM PACKAGE
needs() { command -v "$1" >/dev/null || fail "$1 is missing" "sudo apt-get install $2"; }

# The programs of the newest PostgreSQL, which Debian keeps off the search path; else those on it.
find_postgres() {
  bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1 || true)
  if [ -z "$bin" ]; then
    needs postgres postgresql
    bin=$(dirname "$(command -v postgres)")
  fi
}

# --- running --------------------------------------------------------------------------------------

# PostgreSQL refuses to run as root.
as=()
become_postgres() {
  [ "$(id -u)" = 0 ] || return 0
  id postgres >/dev/null 2>&1 || fail "there is no user postgres" "sudo apt-get install postgresql"
  needs setpriv util-linux
  as=(setpriv --reuid=postgres --regid=postgres --init-groups env HOME="$dir")
}

# The first port is the cluster's own, whatever the default.
resume_folder() {
  local own
  [ "$(cat "$dir/tier")" = "$tier" ] || fail "$dir is a cluster of 'up $(cat "$dir/tier")'"
  own=$(sed -nE "s/^[^@]*@$host:([0-9]+).*/\1/p" "$dir/address")
  [ -n "$own" ] || fail "$dir/address names no port"
  [ -z "$port" ] || [ "$port" = "$own" ] || fail "the first port of $dir is $own" "leave out PORT"
  port=$own
  cd "$dir"
}

make_folder() {
  [ ! -e "$dir" ] || [ -z "$(ls -A "$dir")" ] || fail "$dir is not empty" \
    "end what runs there with 'pg-local.sh down $dir', then delete it or name another"
  mkdir -p "$dir"
  [ "$(id -u)" != 0 ] || chown postgres: "$dir"
  chmod 700 "$dir"
  cd "$dir"
  "${as[@]}" test -w "$dir" || fail "the user postgres cannot reach $dir" "name a folder below /tmp"
}

check_ports() {
  local port
  for port in "$@"; do
    [ "$port" -lt 65536 ] || fail "there is no port $port" "name a lower one"
    if (exec 3<>"/dev/tcp/$host/$port") 2>/dev/null; then
      fail "port $port is taken" "name another first port behind DIR"
    fi
  done
}

# will_run NAME COMMAND…: keeps the command, for `launch`.
will_run() {
  local name=$1
  shift
  printf '%q ' "$@" >"$dir/$name.run"
}

launch() {
  local command
  eval "command=($(cat "$dir/$1.run"))"
  "${as[@]}" setsid "${command[@]}" </dev/null >>"$dir/$1.log" 2>&1 &
  echo $! >"$dir/$1.pid"
  disown
}

is_running() { kill -0 "$1" 2>/dev/null && [ "$(ps -o stat= -p "$1" | cut -c1)" != Z ]; }

# --- one PostgreSQL, or two -----------------------------------------------------------------------

# settings PORT STANDBYS. mmap: what the processes share goes with the folder, also when they are killed.
settings() {
  cat <<SETTINGS
port=$1
listen_addresses='$host'
unix_socket_directories=''
max_connections=200
restart_after_crash=off
dynamic_shared_memory_type=mmap
synchronous_standby_names='$2'
SETTINGS
}

start_postgres() {
  forget_dead "$1"
  "${as[@]}" "$bin/pg_ctl" -D "$dir/$1" -l "$dir/$1.log" -w -t 60 start >/dev/null ||
    ended "PostgreSQL did not start at port $(sed -n 's/^port=//p' "$dir/$1/postgresql.conf" | tail -1)" "$1"
}

# PostgreSQL takes a process that is dead, but that nobody has collected yet, for one that runs.
forget_dead() {
  local file=$dir/$1/postmaster.pid pid
  [ -f "$file" ] || return 0
  pid=$(head -1 "$file")
  [ "$(ps -o stat= -p "$pid" 2>/dev/null | cut -c1)" = Z ] || return 0
  for _ in $(seq 100); do
    [ -n "$(left_over "$1")" ] || { rm -f "$file"; return 0; }
    sleep 0.1
  done
  fail "parts of the PostgreSQL in $dir/$1 still run"
}

# ended WHAT NAME: fails with the end of the program's log.
ended() {
  tail -5 "$dir/$2.log" >&2 || true
  fail "$1; its log is $dir/$2.log"
}

make_plain() {
  local with_standby=$1
  check_ports "$port" $((port + with_standby))
  "${as[@]}" "$bin/initdb" -D "$dir/p" -A trust -U saldo -k -N -E UTF8 --locale=C >/dev/null
  settings "$port" "$([ "$with_standby" = 0 ] || echo 'FIRST 1 (s)')" >>p/postgresql.conf
  start_postgres p
  if [ "$with_standby" = 1 ]; then
    "${as[@]}" "$bin/pg_basebackup" -d "host=$host port=$port user=saldo application_name=s" \
      -D "$dir/s" -R -X stream -c fast -S s -C
    settings $((port + 1)) '' >>s/postgresql.conf
    start_postgres s
  fi
  tell "$host:$port"
}

resume_plain() {
  local node
  for node in p s; do
    [ -d "$dir/$node" ] && [ -z "$(ours "$dir/$node/postmaster.pid")" ] || continue
    check_ports "$(sed -n 's/^port=//p' "$dir/$node/postgresql.conf" | tail -1)"
    start_postgres "$node"
  done
  cat address
}

# --- three PostgreSQL under Patroni ---------------------------------------------------------------

# three FIRST: three places, one port behind the other.
three() { echo "$host:$1,$host:$(($1 + 1)),$host:$(($1 + 2))"; }

make_etcd() {
  local i=$1 client=http://$host:$((port + 10 + $1)) peer=http://$host:$((port + 20 + $1))
  local all=e0=http://$host:$((port + 20)),e1=http://$host:$((port + 21)),e2=http://$host:$((port + 22))
  will_run "etcd$i" etcd --name "e$i" --data-dir "$dir/e$i" --log-level error --enable-v2 \
    --listen-client-urls "$client" --advertise-client-urls "$client" \
    --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" \
    --initial-cluster "$all" --initial-cluster-state new
}

# Which of etcd's interfaces Patroni uses. Before 3.0.3 a primary that was frozen for longer than its
# lease took the leadership back over the third (Patroni's pull request 2689), and what had been committed
# meanwhile was lost; over the second it looks whether another leads.
etcd_interface() {
  local version
  version=$(patroni --version | grep -oE '[0-9]+[.][0-9.]+')
  if [ "$(printf '%s\n' 3.0.3 "$version" | sort -V | head -1)" = 3.0.3 ]; then echo etcd3; else echo etcd; fi
}

# The lag allowed at a failover is large on purpose: the synchronous standby, which alone may be
# promoted, has all that was acknowledged, however much else a primary wrote before it died. With 0
# nobody is promoted when replication stood still in the primary's last seconds.
make_patroni() {
  local i=$1 rest=$host:$((port + 30 + $1)) peer_ports
  read -ra peer_ports <<<"${PG_LOCAL_PEER_PORTS:-$port $((port + 1)) $((port + 2))}"
  cat >"p$i.yml" <<SETTINGS
scope: saldo
name: p$i
$(etcd_interface): {hosts: '$(three $((port + 10)))'}
watchdog: {mode: 'off'}
restapi: {listen: '$rest', connect_address: '$rest'}
bootstrap:
  initdb: [{encoding: UTF8}, {locale: C}, data-checksums]
  pg_hba: ['host all all 127.0.0.1/32 trust', 'host replication all 127.0.0.1/32 trust']
  dcs:
    ttl: 20
    loop_wait: 2
    retry_timeout: 5
    maximum_lag_on_failover: 1073741824
    check_timeline: true
    primary_start_timeout: 0
    synchronous_mode: true
    synchronous_mode_strict: true
    synchronous_node_count: 1
    postgresql:
      use_pg_rewind: true
      use_slots: true
      parameters: {synchronous_commit: 'on', restart_after_crash: 'off', max_connections: 200}
postgresql:
  listen: '$host:$((port + i))'
  connect_address: '$host:${peer_ports[$i]}'
  data_dir: '$dir/d$i'
  bin_dir: '$bin'
  pgpass: '$dir/pass$i'
  parameters: {unix_socket_directories: '$dir'}
  authentication:
    superuser: {username: saldo}
    replication: {username: saldo}
    rewind: {username: saldo}
SETTINGS
  will_run "patroni$i" patroni "$dir/p$i.yml"
}

need_cluster() {
  needs etcd etcd-server
  needs patroni 'patroni python3-etcd'
  needs curl curl
}

make_cluster() {
  local i
  for i in 0 1 2 10 11 12 20 21 22 30 31 32; do check_ports $((port + i)); done
  for i in 0 1 2; do
    make_etcd "$i"
    make_patroni "$i"
  done
  launch_cluster
  tell "$(three "$port")"
}

# A PostgreSQL that outlived its Patroni keeps its port, and is taken over.
resume_cluster() {
  local i
  for i in 0 1 2; do
    [ -n "$(ours "$dir/etcd$i.pid")" ] || check_ports $((port + 10 + i)) $((port + 20 + i))
    [ -n "$(ours "$dir/patroni$i.pid")" ] || check_ports $((port + 30 + i))
    [ -n "$(ours "$dir/patroni$i.pid" "$dir/d$i/postmaster.pid")" ] || check_ports $((port + i))
  done
  launch_cluster
  cat address
}

# Starts what does not run, and waits until all of it does. etcd comes first, or Patroni waits for it.
launch_cluster() {
  local i name
  for name in etcd{0..2} patroni{0..2}; do
    [ -n "$(ours "$dir/$name.pid")" ] || launch "$name"
  done
  for _ in $(seq 240); do
    if is_whole; then return; fi
    for i in 0 1 2; do
      is_running "$(cat "$dir/etcd$i.pid")" ||
        ended "etcd ended, at ports $((port + 10 + i)) and $((port + 20 + i))" "etcd$i"
      is_running "$(cat "$dir/patroni$i.pid")" ||
        ended "Patroni ended, at port $((port + 30 + i)) with a database at port $((port + i))" "patroni$i"
    done
    sleep 0.5
  done
  fail "no synchronous standby after two minutes, at ports $port to $((port + 32)); the logs are $dir/*.log"
}

# Each Patroni is asked about itself: what they say of one another may date from before they were ended.
is_whole() {
  local i
  for i in 0 1 2; do says_yes "$i" health || return 1; done
  any_says_yes primary && any_says_yes sync
}
any_says_yes() { says_yes 0 "$1" || says_yes 1 "$1" || says_yes 2 "$1"; }
says_yes() { curl -s -f -m 1 -o /dev/null "http://$host:$((port + 30 + $1))/$2"; }

tell() {
  echo "$tier" >tier
  echo "postgres://saldo@$1/postgres" >address
  cat address
}

# --- the end --------------------------------------------------------------------------------------

# Whether process $1 is one of this folder's: its command names the folder, or it is a part of a
# PostgreSQL whose data lies there. A number in a file may have gone to somebody else since.
is_ours() {
  local command place
  command=$(cat "/proc/$1/cmdline" 2>/dev/null | tr '\0' ' ' || true)
  [[ $command != *"$dir/"* ]] || return 0
  place=$(readlink "/proc/$1/cwd" 2>/dev/null || true)
  [ "$(cat "/proc/$1/comm" 2>/dev/null || true)" = postgres ] && [[ $place == "$dir/"* ]]
}

# end_all SIGNAL PID…: wakes them if they are frozen, ends them, and waits for the end.
end_all() {
  local signal=$1
  shift
  [ $# -gt 0 ] || return 0
  kill -"$signal" "$@" 2>/dev/null || true
  kill -CONT "$@" 2>/dev/null || true
  for _ in $(seq 100); do
    any_runs "$@" || return 0
    sleep 0.1
  done
  kill -KILL "$@" 2>/dev/null || true
  for _ in $(seq 100); do
    any_runs "$@" || return 0
    sleep 0.1
  done
  fail "a process does not end: $*"
}

any_runs() {
  local pid
  for pid in "$@"; do
    if is_running "$pid"; then return 0; fi
  done
  return 1
}

# ours FILE…: the process numbers on the first lines of these files that are of this folder.
ours() {
  local file pid
  for file in "$@"; do
    [ -f "$file" ] || continue
    pid=$(head -1 "$file")
    if [[ $pid =~ ^[0-9]+$ ]] && is_ours "$pid"; then echo "$pid"; fi
  done
}

# The parts of PostgreSQL, or of the one in $1, that outlived their first process: frozen ones do.
left_over() {
  local place
  for place in /proc/[0-9]*; do
    [ $# = 0 ] || [ "$(readlink "$place/cwd" 2>/dev/null || true)" = "$dir/$1" ] || continue
    if [ "$(cat "$place/comm" 2>/dev/null || true)" = postgres ] && is_ours "${place#/proc/}"; then
      echo "${place#/proc/}"
    fi
  done
}

# Patroni first, or it would start its PostgreSQL again; etcd last, or Patroni would act on its loss.
down() {
  [ -d "$dir" ] || return 0
  # shellcheck disable=SC2046 # process numbers, one a word
  {
    end_all KILL $(ours "$dir"/patroni?.pid)
    end_all QUIT $(ours "$dir"/{s,p,d0,d1,d2}/postmaster.pid)
    end_all KILL $(left_over)
    end_all KILL $(ours "$dir"/etcd?.pid)
  }
  rm -f "$dir"/etcd?.pid "$dir"/patroni?.pid
}

start() {
  local name=$1
  case $name in
    p | s)
      [ -d "$dir/$name" ] || fail "$dir has no database $name"
      [ -z "$(ours "$dir/$name/postmaster.pid")" ] || fail "$name runs already"
      start_postgres "$name"
      ;;
    *)
      [ -f "$dir/$name.run" ] ||
        fail "$dir has no program $name" "p, s; of 'up 3' etcd0, etcd1, etcd2, patroni0, patroni1, patroni2"
      [ -z "$(ours "$dir/$name.pid")" ] || fail "$name runs already"
      launch "$name"
      ;;
  esac
}

# Whether anything of the folder runs.
runs() {
  [ -n "$(ours "$dir"/{etcd,patroni}?.pid "$dir"/{s,p,d0,d1,d2}/postmaster.pid)" ] || [ -n "$(left_over)" ]
}

up() {
  find_postgres
  become_postgres
  [ "$tier" != 3 ] || need_cluster
  if [ -e "$dir/address" ] && [ -e "$dir/tier" ]; then
    resume_folder
    # What ran before stays, whatever becomes of the rest.
    runs || end_if_failed
    if [ "$tier" = 3 ]; then resume_cluster; else resume_plain; fi
  else
    port=${port:-24320}
    make_folder
    end_if_failed
    case $tier in
      1) make_plain 0 ;;
      2) make_plain 1 ;;
      3) make_cluster ;;
    esac
  fi
  trap - EXIT
}

# A call that ends before its time takes along what it started.
end_if_failed() {
  trap down EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

# --- what was asked for ---------------------------------------------------------------------------

case ${1:-} in
  up)
    [ $# -ge 3 ] && [ $# -le 4 ] || misused "up takes a number from 1 to 3, a folder and perhaps a port"
    tier=$2 dir=$(realpath -m "$3") port=${4:-}
    [[ $tier =~ ^[123]$ ]] || misused "up takes 1, 2 or 3, not '$tier'"
    [[ $port =~ ^[0-9]*$ ]] || misused "'$port' is no port"
    up
    ;;
  start)
    [ $# = 3 ] || misused "start takes a folder and the name of a program"
    dir=$(realpath -m "$2")
    find_postgres
    become_postgres
    start "$3"
    ;;
  down)
    [ $# = 2 ] || misused "down takes a folder"
    dir=$(realpath -m "$2")
    down
    ;;
  runs)
    [ $# = 2 ] || misused "runs takes a folder"
    dir=$(realpath -m "$2")
    if runs; then echo yes; else echo no; fi
    ;;
  help | --help | -h) usage ;;
  *)
    usage >&2
    exit 2
    ;;
esac
