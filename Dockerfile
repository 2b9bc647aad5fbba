# PageLens as a server. The extra packages are chosen at build time:
#   docker build --build-arg EXTRAS=models,llm,qdrant,postgres .
FROM python:3.12-slim-bookworm

ARG EXTRAS=qdrant,postgres,llm
ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libreoffice-writer libreoffice-calc libreoffice-impress libreoffice-math fonts-dejavu-core \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY pagelens pagelens
COPY core core
COPY encode encode
COPY ingest ingest
COPY index index
COPY retrieve retrieve
COPY generate generate
COPY api api
COPY evals evals
# hadolint ignore=DL3013
RUN pip install ".[${EXTRAS}]"

RUN useradd --create-home --uid 10001 pagelens && mkdir /collections && chown 10001 /collections
USER 10001
WORKDIR /home/pagelens
VOLUME /collections
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
# Others can reach this address, so at least one key is needed:
#   docker compose run --rm pagelens keys create --scope write --collections /collections
ENTRYPOINT ["pagelens"]
CMD ["serve", "--collections", "/collections", "--create", "--host", "0.0.0.0"]
