# syntax=docker/dockerfile:1
# Builds the binary on Debian and puts it alone into a distroless image that runs as nobody in particular.
#
#   docker build -t countersign .
#   docker run -p 8080:8080 -v $PWD/countersign.toml:/etc/countersign/countersign.toml:ro -v countersign:/var/lib/countersign countersign
#
# In a container the listeners want `0.0.0.0`; keep the admin listener on the container's own loopback or an inner network.

FROM rust:1.95-slim-bookworm AS build
WORKDIR /build
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/build/target \
    cargo build --release --locked --bin countersign \
    && mkdir -p /out/state \
    && strip --strip-debug -o /out/countersign target/release/countersign

# glibc, since musl's allocator costs a proxy a good part of its speed.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/countersign /usr/local/bin/countersign
COPY --from=build --chown=nonroot:nonroot /out/state /var/lib/countersign
WORKDIR /var/lib/countersign
ENV COUNTERSIGN_STORE__URL=sqlite:/var/lib/countersign/countersign.db
VOLUME /var/lib/countersign
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["/usr/local/bin/countersign", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/countersign"]
CMD ["serve"]
