# The image runs any command of `stocksync`; the database lives in the volume /data.
# Other mappings than those shipped: mount them over /app/mappings.

FROM python:3.11-slim AS build
WORKDIR /build
RUN python -m venv /opt/stocksync
ENV PATH=/opt/stocksync/bin:$PATH
# Before the sources, so that an edit of ours does not install every dependency again.
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY stocksync ./stocksync
COPY mappings ./mappings
RUN pip install --no-cache-dir --no-deps .

FROM python:3.11-slim
RUN groupadd --system --gid 10001 stocksync \
    && useradd --system --uid 10001 --gid stocksync --no-create-home --home-dir /data stocksync \
    && install --directory --owner=stocksync --group=stocksync --mode=0750 /data
COPY --from=build /opt/stocksync /opt/stocksync
COPY mappings /app/mappings
ENV PATH=/opt/stocksync/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    STOCKSYNC_DATABASE_URL=sqlite:////data/stocksync.db \
    STOCKSYNC_MAPPINGS=/app/mappings
WORKDIR /data
# By number, so that an orchestrator can see that it is not root.
USER 10001:10001
VOLUME /data
# Healthy: the mappings can be read and the database answers. A health check may only answer 0 or 1.
HEALTHCHECK --interval=60s --timeout=10s --start-period=30s --retries=3 \
    CMD ["sh", "-c", "stocksync status --json || exit 1"]
ENTRYPOINT ["stocksync"]
