FROM rust:bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --locked --release --package saldo

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates socat \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --no-create-home saldo
COPY --from=build /src/target/release/saldo /usr/local/bin/saldo
COPY contrib/docker/saldo.sh /usr/local/bin/saldo.sh
USER saldo
ENTRYPOINT ["sh", "/usr/local/bin/saldo.sh"]
