# PostgreSQL with Patroni, and etcd: the versions of Debian 12, which the tests use too.
FROM debian:bookworm-slim
RUN printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d \
 && apt-get update \
 && apt-get install -y --no-install-recommends postgresql-15 patroni python3-etcd etcd-server \
 && rm -rf /var/lib/apt/lists/* /usr/sbin/policy-rc.d \
 && install -d -o postgres -g postgres -m 700 /var/lib/saldo
COPY patroni.yml /etc/saldo/patroni.yml
ENV PATH=/usr/lib/postgresql/15/bin:$PATH
USER postgres
VOLUME /var/lib/saldo
