# A server of the shipped model:
#   docker build -t mlsse .
#   docker run --rm -p 127.0.0.1:5000:5000 -e MLSSE_API_KEY=... mlsse
FROM python:3.11-slim-bookworm AS build
WORKDIR /build
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY mlsse mlsse
COPY data data
COPY models models
RUN python -m venv /opt/mlsse \
    && /opt/mlsse/bin/pip install --no-cache-dir --constraint constraints.txt .

FROM python:3.11-slim-bookworm
COPY --from=build /opt/mlsse /opt/mlsse
RUN useradd --system --uid 999 --create-home --home-dir /home/mlsse mlsse
USER 999
ENV PATH=/opt/mlsse/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    OMP_NUM_THREADS=1
EXPOSE 5000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:5000/ping', timeout=4)"]
# Inside the container it listens to all; clients reach it as localhost unless --allow-host is given.
ENTRYPOINT ["mlsse", "serve", "--host", "0.0.0.0", "--port", "5000"]
