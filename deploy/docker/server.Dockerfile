# untested as an image; its command lines and its health check are run by the tests.
# Build, in the root of the repository: docker build -f deploy/docker/server.Dockerfile -t mfpt-server .
# Run:   docker run --read-only --tmpfs /tmp -v mfpt:/data -p 8883:8883 mfpt-server
FROM python:3.11-slim AS build
COPY . /source
RUN python -m venv /opt/mfpt && /opt/mfpt/bin/pip install --no-cache-dir '/source[postgres]'

FROM python:3.11-slim
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin mfpt && install -d -o mfpt -m 0700 /data
COPY --from=build /opt/mfpt /opt/mfpt
ENV PATH=/opt/mfpt/bin:$PATH HOME=/data MFPT_CACHE=/data/cache PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER mfpt
VOLUME /data
EXPOSE 8883
STOPSIGNAL SIGTERM
HEALTHCHECK --start-period=60s --timeout=10s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9464/healthz', timeout=5)"]
ENTRYPOINT ["mfpt-coord"]
CMD ["serve", "--listen", "0.0.0.0:8883", "--data-dir", "/data/coordinator", "--metrics", "9464", "--log-format", "json"]
