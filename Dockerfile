# The bank in a container: docker build -t saldo . && docker run --network host -v saldo:/var/lib/saldo saldo
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --locked --release --package saldo \
 && mkdir -m 0700 /saldo-data

FROM debian:bookworm-slim
COPY --from=build /src/target/release/saldo /usr/bin/saldo
# A volume takes owner and mode from the folder that it covers.
COPY --from=build --chown=65532:65532 --chmod=0700 /saldo-data /var/lib/saldo
USER 65532:65532
VOLUME /var/lib/saldo
EXPOSE 5000
STOPSIGNAL SIGTERM
ENV SALDO_DATA=/var/lib/saldo
HEALTHCHECK CMD ["/usr/bin/saldo", "totals", "--timeout", "2s"]
ENTRYPOINT ["/usr/bin/saldo"]
CMD ["serve"]
