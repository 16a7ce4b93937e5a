# One recipe, one image: the command names what runs (docker-compose.yml lists them). Base images
# are given by argument. The reasons: docs/containers.md.
ARG BASE=python:3.11-slim-bookworm
ARG NODE_BASE=node:24-bookworm-slim

FROM ${NODE_BASE} AS dashboard
WORKDIR /build/dashboard
COPY dashboard/package.json dashboard/package-lock.json ./
RUN npm ci --no-audit --no-fund --loglevel=error
COPY contracts /build/contracts
COPY dashboard ./
RUN npm run build
# A builder other than BuildKit keeps its stages as images without a name; this label finds them.
ARG MADE_FOR=use
LABEL paydown.made-for=${MADE_FOR}

FROM ${BASE} AS packages
COPY requirements/runtime.txt /build/requirements.txt
# Every wheel must have the hash of the lock. Packages that would have to be compiled are refused,
# so no build tool is ever needed.
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --quiet \
        --require-hashes --only-binary=:all: -r /build/requirements.txt \
    && /opt/venv/bin/pip uninstall --quiet --yes pip setuptools \
    && find /opt/venv -name '*.dist-info' -prune -o -name tests -type d -prune -exec rm -rf {} +
WORKDIR /app
COPY libs libs
COPY services services
COPY simulator simulator
COPY ops ops
RUN find . -type d -name tests -prune -exec rm -rf {} + \
    && /opt/venv/bin/python -m compileall -q -j 0 /opt/venv/lib . && chmod -R a+rX /app
ARG MADE_FOR=use
LABEL paydown.made-for=${MADE_FOR}

FROM ${BASE}
# All that runs is in /opt/venv. The base's own packages go, pip with its wheels above all: first
# where python.org puts them, then where Debian does.
RUN rm -rf /usr/local/bin/pip* /usr/local/bin/wheel \
    /usr/local/lib/python3*/site-packages/* /usr/local/lib/python3*/ensurepip \
    /usr/bin/pip /usr/bin/pip3* /usr/bin/wheel \
    /usr/lib/python3/dist-packages/* /usr/lib/python3*/ensurepip /usr/share/python-wheels
RUN groupadd --gid 10001 paydown \
    && useradd --uid 10001 --gid paydown --no-create-home --home-dir /nonexistent \
        --shell /usr/sbin/nologin paydown \
    && mkdir -p /app /var/lib/paydown && chown paydown /var/lib/paydown
COPY --from=packages /opt/venv /opt/venv
COPY --from=packages /app /app
COPY --from=dashboard /build/dashboard/dist /app/dashboard/dist
WORKDIR /app
# Labels of the Open Container Initiative. REVISION is the commit, given by who builds a release.
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="paydown" \
    org.opencontainers.image.description="Pays employees' student loans from a payroll roster" \
    org.opencontainers.image.version=${VERSION} \
    org.opencontainers.image.revision=${REVISION} \
    org.opencontainers.image.licenses="MIT"
ENV PATH=/opt/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
STOPSIGNAL SIGTERM
# Asks the address in HEALTH_URL. A container without it is a job, and healthy as long as it runs.
HEALTHCHECK --interval=3s --timeout=3s --start-period=60s --retries=5 \
    CMD ["python", "-m", "ops", "healthcheck"]
CMD ["python", "-m", "services"]
