# Vouchsafe in a container: one binary, no shell, not root. The keys stay outside: mount them.
#
#   docker build -t vouchsafe .
#   docker run --user "$(id -u)" -v "$PWD/keys:/keys:ro" -p 8080:8080 vouchsafe

FROM docker.io/library/rust:1.95-bookworm AS build
WORKDIR /src
COPY Cargo.toml Cargo.toml
COPY Cargo.lock Cargo.lock
COPY src src
COPY templates templates
COPY static static
COPY migrations migrations
RUN cargo build --locked --profile dist --bin vouchsafe && mkdir -p /out/data && cp target/dist/vouchsafe /out/vouchsafe

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/vouchsafe /vouchsafe
# For SQLite; an empty folder of the one who runs here.
COPY --from=build --chown=nonroot:nonroot /out/data /data
COPY LICENSE LICENSE
USER nonroot
WORKDIR /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["/vouchsafe", "healthcheck", "--config", "/keys/vouchsafe.toml"]
ENTRYPOINT ["/vouchsafe"]
CMD ["serve", "--config", "/keys/vouchsafe.toml"]
