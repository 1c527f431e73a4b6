#!/bin/sh
# saldo.sh init | serve | door: what a container of docker-compose.yml does. DATA is the database's
# address, which names the file of passwords; PASSWORD is the password.
set -eu
port_within=5001
umask 077
[ "$1" = door ] || printf '*:*:*:saldo:%s\n' "$PASSWORD" > /tmp/passwords
case $1 in
init)
  for _ in $(seq 120); do
    code=0
    saldo postgres init "$DATA" || code=$?
    case $code in 0 | 1) exit 0 ;; esac # 1: it has the schema already
    sleep 1
  done
  exit 1
  ;;
serve) exec saldo serve --listen "127.0.0.1:$port_within" --data "$DATA" ;;
door) exec socat TCP-LISTEN:5000,fork,reuseaddr,max-children=1000 "TCP:127.0.0.1:$port_within" ;;
esac
