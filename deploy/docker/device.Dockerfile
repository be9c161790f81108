# untested as an image; its command lines are run by the tests.
# Build, in the root of the repository: docker build -f deploy/docker/device.Dockerfile -t mfpt-device .
# Join once with your invitation, and then without it:
#   docker run --read-only --tmpfs /tmp -v mfpt:/data -v ./sentences.csv:/sentences.csv:ro mfpt-device \
#     join 'mfpt://…' --state-dir /data/device --data /sentences.csv --retry forever --rounds 1
#   docker run -d --read-only --tmpfs /tmp -v mfpt:/data -v ./sentences.csv:/sentences.csv:ro mfpt-device
FROM python:3.11-slim AS build
COPY . /source
RUN python -m venv /opt/mfpt && /opt/mfpt/bin/pip install --no-cache-dir '/source[edge]'

FROM python:3.11-slim
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin mfpt && install -d -o mfpt -m 0700 /data
COPY --from=build /opt/mfpt /opt/mfpt
ENV PATH=/opt/mfpt/bin:$PATH HOME=/data MFPT_CACHE=/data/cache PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER mfpt
VOLUME /data
STOPSIGNAL SIGTERM
HEALTHCHECK --start-period=300s --interval=300s --timeout=60s CMD ["mfpt-edge", "status", "--state-dir", "/data/device"]
ENTRYPOINT ["mfpt-edge"]
CMD ["join", "--state-dir", "/data/device", "--data", "/sentences.csv", "--retry", "forever", "--log-format", "json"]
