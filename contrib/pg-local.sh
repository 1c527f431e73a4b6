#!/usr/bin/env bash
# pg-local.sh up TIER DIR [BASE_PORT] | down DIR      1: one PostgreSQL; 2: + synchronous standby; 3: 3 etcd + 3 Patroni
set -euo pipefail
cmd=$1; tier=0; if [ "$cmd" = up ]; then tier=$2; shift; fi
D=$(realpath -m "$2"); P=${3:-54320}; B=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1); H=127.0.0.1
as=(); [ "$(id -u)" != 0 ] || as=(setpriv --reuid=postgres --regid=postgres --init-groups env HOME="$D")
bg() { "${as[@]}" "${@:2}" >"$D/$1.log" 2>&1 & echo $! >"$D/$1.pid"; }
if [ "$cmd" = down ]; then
  for f in "$D"/*.pid "$D"/{s,p,d0,d1,d2}/postmaster.pid; do [ ! -e "$f" ] || kill -9 "$(head -1 "$f")" 2>/dev/null || true; done; rm -f "$D"/*.pid; exit 0
fi
mkdir -p "$D"; [ "$(id -u)" != 0 ] || chown postgres: "$D"; chmod 700 "$D"; cd "$D"
# mmap: what the servers share goes with the folder, also when they are killed.
node() { printf "port=$1\nlisten_addresses='$H'\nunix_socket_directories=''\nrestart_after_crash=off\ndynamic_shared_memory_type=mmap\nsynchronous_standby_names='$2'\n"; }
if [ "$tier" -le 2 ]; then
  "${as[@]}" "$B/initdb" -D p -A trust -U saldo -k -N -E UTF8 --locale=C >/dev/null
  node "$P" "$([ "$tier" != 2 ] || echo 'FIRST 1 (s)')" >>p/postgresql.conf; "${as[@]}" "$B/pg_ctl" -D p -l p.log -w start >/dev/null
  if [ "$tier" = 2 ]; then
    "${as[@]}" "$B/pg_basebackup" -d "host=$H port=$P user=saldo application_name=s" -D s -R -X stream -c fast -S s -C
    node $((P + 1)) '' >>s/postgresql.conf; "${as[@]}" "$B/pg_ctl" -D s -l s.log -w start >/dev/null
  fi
  echo "postgres://saldo@$H:$P/postgres"; exit 0
fi
three() { echo "$H:$((P + $1)),$H:$((P + $1 + 1)),$H:$((P + $1 + 2))"; }
peers=e0=http://$H:$((P + 20)),e1=http://$H:$((P + 21)),e2=http://$H:$((P + 22))
for i in 0 1 2; do
  c=http://$H:$((P + 10 + i)); r=http://$H:$((P + 20 + i)); rest=$H:$((P + 30 + i)); pg=$H:$((P + i))
  bg etcd$i etcd --name e$i --data-dir "$D/e$i" --listen-client-urls $c --advertise-client-urls $c --listen-peer-urls $r \
    --initial-advertise-peer-urls $r --initial-cluster $peers --initial-cluster-state new --log-level error
  cat >p$i.yml <<Y
{scope: saldo, name: p$i, etcd3: {hosts: '$(three 10)'}, watchdog: {mode: 'off'}, restapi: {listen: '$rest', connect_address: '$rest'},
 bootstrap: {initdb: [{encoding: UTF8}, {locale: C}, data-checksums],
  pg_hba: ['host all all 127.0.0.1/32 trust', 'host replication all 127.0.0.1/32 trust'],
  dcs: {ttl: 20, loop_wait: 2, retry_timeout: 5, maximum_lag_on_failover: 0, check_timeline: true, primary_start_timeout: 0,
   synchronous_mode: true, synchronous_mode_strict: true, synchronous_node_count: 1,
   postgresql: {use_pg_rewind: true, use_slots: true, parameters: {synchronous_commit: 'on', restart_after_crash: 'off'}}}},
 postgresql: {listen: '$pg', connect_address: '$pg', data_dir: '$D/d$i', bin_dir: '$B', pgpass: '$D/pass$i', parameters: {unix_socket_directories: '$D'},
  authentication: {superuser: {username: saldo}, replication: {username: saldo}, rewind: {username: saldo}}}}
Y
  bg patroni$i patroni "$D/p$i.yml"
done
for _ in $(seq 60); do
  sleep 1; j=$(curl -s -m 1 http://$H:$((P + 30))/cluster || true)
  if [[ $j = *sync_standby* && $(grep -oE '"state": "(running|streaming)"' <<<"$j" | wc -l) = 3 ]]; then echo "postgres://saldo@$(three 0)/postgres"; exit 0; fi
done
echo "no synchronous standby after 60 s" >&2; exit 1
