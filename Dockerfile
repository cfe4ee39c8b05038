# One daemon. Build: docker build -t syncropel . — and see docs/howto/service.md.
FROM python:3.12-slim AS build
WORKDIR /src
COPY . .
RUN pip install --no-cache-dir build && python -m build --wheel --outdir /dist .

FROM python:3.12-slim
# Goals that work on a repository need git.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/*
COPY constraints.txt /tmp/constraints.txt
COPY --from=build /dist /tmp/dist
RUN wheel="$(ls /tmp/dist/*.whl)" \
    && pip install --no-cache-dir --constraint /tmp/constraints.txt "${wheel}[agents,fleet,metrics,seal]" \
    && rm -rf /tmp/dist /tmp/constraints.txt

# A new volume begins as what is here: files are mounted into secrets/, which must not become root's by that.
RUN useradd --create-home --uid 1000 syncropel \
    && mkdir -p /syncropel/secrets /home/syncropel/.syncro-data /home/syncropel/.local/share/syncropel/backups \
    && chown -R syncropel:syncropel /syncropel /home/syncropel \
    && chmod 700 /syncropel /syncropel/secrets
USER syncropel
ENV SYNCROPEL_HOME=/syncropel \
    SYNCROPEL_DATA=/home/syncropel/.syncro-data \
    PYTHONDONTWRITEBYTECODE=1

# The log and identity, the task files, and the backups, which must not be in the same place as the log.
VOLUME ["/syncropel", "/home/syncropel/.syncro-data", "/home/syncropel/.local/share/syncropel/backups"]

# Over the operator's socket, so that it is the same whatever the port. A long log takes its time to read.
HEALTHCHECK --interval=30s --timeout=5s --start-period=300s --retries=3 \
    CMD ["python", "-c", "import socket; s = socket.socket(socket.AF_UNIX); s.settimeout(4); s.connect('/syncropel/run/spl.sock'); s.sendall(b'GET /health HTTP/1.1\\r\\nhost: spl\\r\\nconnection: close\\r\\n\\r\\n'); raise SystemExit(b' 200 ' not in s.recv(64))"]

STOPSIGNAL SIGTERM
ENTRYPOINT ["spl"]
CMD ["serve", "--foreground"]
