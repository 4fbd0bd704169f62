# docker build -t pybroker . && docker run --rm -p 9092:9092 -e KAFKA_NUM_PARTITIONS=3 pybroker
FROM python:3.13-slim AS build
COPY . /source
RUN python -m venv /opt/pybroker && /opt/pybroker/bin/pip install --no-cache-dir /source

FROM python:3.13-slim
RUN useradd --system --uid 1000 --home-dir /var/lib/pybroker --create-home pybroker
COPY --from=build /opt/pybroker /opt/pybroker
ENV PATH=/opt/pybroker/bin:$PATH PYTHONUNBUFFERED=1
USER pybroker
WORKDIR /var/lib/pybroker
VOLUME /var/lib/pybroker/data
EXPOSE 9092
HEALTHCHECK --interval=5s --timeout=6s --start-period=2s CMD ["pybroker", "healthcheck", "127.0.0.1:9092"]
ENTRYPOINT ["pybroker", "--listen", ":9092", "--data-dir", "/var/lib/pybroker/data"]
