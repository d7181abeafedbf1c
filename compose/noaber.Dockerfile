# One image for every part; the command says which. Built from the root: docker build -f compose/noaber.Dockerfile -t noaber:0.1.0 .
FROM python:3.11.14-slim-bookworm AS build
COPY requirements/run.lock /src/requirements/run.lock
RUN python -m venv /opt/noaber && /opt/noaber/bin/pip install --no-cache-dir --require-hashes --requirement /src/requirements/run.lock
COPY pyproject.toml README.md LICENSE /src/
COPY LICENSES /src/LICENSES
COPY proto /src/proto
COPY accord /src/accord
COPY gateway /src/gateway
COPY node_agent /src/node_agent
COPY testbed /src/testbed
# Nothing is built with packages that the lock does not name: the build backend is in it.
RUN /opt/noaber/bin/pip install --no-cache-dir --no-deps --no-build-isolation /src && /opt/noaber/bin/python -m compileall -q /opt/noaber/lib

FROM python:3.11.14-slim-bookworm
RUN groupadd --system --gid 10001 noaber && useradd --system --uid 10001 --gid noaber --no-create-home --shell /usr/sbin/nologin noaber \
    && install -d -m 700 -o noaber -g noaber /var/lib/noaber
COPY --from=build /opt/noaber /opt/noaber
# Keys and settings are mounted where the image runs, and are in no layer of it.
WORKDIR /var/lib/noaber
ENV PATH=/opt/noaber/bin:/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9701/healthz', timeout=4)"]
ENTRYPOINT ["noaber"]
CMD ["version"]
