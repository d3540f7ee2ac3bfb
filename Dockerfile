# The endpoint in a container: docs/how-to/deploy-in-a-container.md says how to use it.

FROM python:3.13.9-slim AS build
WORKDIR /src
COPY requirements-uv.txt requirements-serve.txt requirements.txt ./
# Every package is installed by its hash: the installer, what serving needs, and what builds the wheel.
RUN python -m venv /opt/uv
RUN /opt/uv/bin/python -m pip install --no-cache-dir --require-hashes -r requirements-uv.txt
RUN python -m venv --without-pip /opt/booking
RUN /opt/uv/bin/uv pip install --no-cache --python /opt/booking/bin/python --require-hashes --compile-bytecode -r requirements-serve.txt
COPY pyproject.toml README.md LICENSE ./
COPY sql sql
COPY booking_core booking_core
COPY booking_asgi booking_asgi
RUN /opt/uv/bin/uv build --no-cache --wheel --build-constraints requirements.txt --require-hashes --out-dir /opt/wheel
RUN /opt/uv/bin/uv pip install --no-cache --python /opt/booking/bin/python --no-deps --compile-bytecode /opt/wheel/*.whl

FROM python:3.13.9-slim
COPY --from=build /opt/booking /opt/booking
ENV PATH=/opt/booking/bin:$PATH PYTHONDONTWRITEBYTECODE=1 BOOKING_HOST=0.0.0.0
# It has no name and no home, and needs neither. Nothing is written, so that the file system may be
# read-only.
USER 10001:10001
WORKDIR /
EXPOSE 3001
# Not /api/ready: an orchestrator that restarts the container mends no database.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["python", "-c", "import http.client, os; asked = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('BOOKING_PORT') or 3001), timeout=4); asked.request('GET', '/api/health'); raise SystemExit(asked.getresponse().status != 200)"]
# Without a shell in between: SIGTERM reaches the endpoint itself, which then answers what it has begun.
ENTRYPOINT ["booking-asgi"]
CMD ["serve"]
