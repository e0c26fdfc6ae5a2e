# The server alone, for PostgreSQL elsewhere or with the embedded database. compose.yaml adds PostgreSQL.
#
# Tags, not digests: a tag may come to name another build of the same version. Where that matters,
# build from the digest of the day (docker buildx imagetools inspect node:24.21.0-slim).

FROM node:24.21.0-slim AS manifests
WORKDIR /app
COPY package.json package-lock.json ./
COPY backend/package.json backend/
COPY client/package.json client/
COPY web/package.json web/
COPY tools/bench/package.json tools/bench/
COPY tools/client-types/package.json tools/client-types/

FROM manifests AS packages
# The optional package is Node itself, which the base image has. No other package has an install script.
RUN npm ci --omit=dev --omit=optional --ignore-scripts --workspace=backend --no-audit --no-fund
# Optional peers of Better Auth, which npm installs because the page needs them.
RUN ["rm", "-r", "node_modules/react", "node_modules/react-dom", "node_modules/scheduler"]

FROM manifests AS page
# Vite's compiler is an optional package for each platform.
RUN npm ci --omit=dev --ignore-scripts --workspace=web --no-audit --no-fund
COPY tsconfig.json ./
COPY client/src client/src/
COPY web/index.html web/tsconfig.json web/vite.config.ts web/
COPY web/build web/build/
COPY web/public web/public/
COPY web/src web/src/
COPY scripts/web.mjs scripts/
RUN ["node", "scripts/web.mjs", "--required"]

FROM node:24.21.0-slim AS server
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=8000 \
    MALLOC_ARENA_MAX=2
WORKDIR /app
COPY --from=packages /app/node_modules node_modules/
COPY --from=packages /app/backend/node_modules backend/node_modules/
COPY package.json LICENSE ./
COPY backend/package.json backend/
COPY backend/src backend/src/
# All but the first are what npm run user and the other commands start with.
COPY scripts/compile-cache.mjs scripts/dotenv.mjs scripts/install.mjs scripts/requirements.mjs scripts/
COPY --from=page /app/web/dist web/dist/
# For the embedded database, on a volume: DATABASE_URL=pglite:/data/tasks
RUN install --directory --owner=65534 --group=65534 --mode=0700 /data

# Compiled code belongs to a user id and to the flags of V8, so this is the user and the command of the image.
FROM server AS compiled
COPY scripts/fill-compile-cache.mjs scripts/
RUN install --directory --owner=65534 --group=65534 node_modules/.cache
USER 65534:65534
RUN ["node", "scripts/fill-compile-cache.mjs", "--max-semi-space-size=16", "--import", "./scripts/compile-cache.mjs", "backend/src/main.ts"]
# Node writes files that only their owner can read, and in the image they are root's.
RUN chmod -R a+rX node_modules/.cache

FROM server
COPY --from=compiled /app/node_modules/.cache node_modules/.cache/
# nobody: it owns nothing of the image but /data, and nothing else is written to.
USER 65534:65534
EXPOSE 8000
STOPSIGNAL SIGTERM
# Tells whether to restart the container. /readyz tells whether to send it requests, because it asks the database.
# With BASE_PATH this path is 404, but a server that answers with 404 is alive.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --start-interval=1s --retries=3 \
    CMD ["node", "--eval", "fetch(`http://127.0.0.1:${process.env.PORT}/livez`).then(({ status }) => process.exit(status < 500 ? 0 : 1), () => process.exit(1))"]
# Without npm and without a shell in between, so that signals arrive.
CMD ["node", "--max-semi-space-size=16", "--import", "./scripts/compile-cache.mjs", "backend/src/main.ts"]
