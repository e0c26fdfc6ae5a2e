#!/bin/sh
# What the entrypoint of the official PostgreSQL image does, as far as compose.yaml relies on it. It starts as
# root, gives the volume to the account postgres, continues as that account, and creates the cluster and the
# database on the first start.
set -eu
export PGDATA=/var/lib/postgresql/18/docker
if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA"
  chown -R postgres:postgres /var/lib/postgresql /var/run/postgresql
  chmod 0700 "$PGDATA"
  exec setpriv --reuid=postgres --regid=postgres --init-groups sh "$0" "$@"
fi
bin=/usr/lib/postgresql/native/bin
sockets=/var/run/postgresql
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  "$bin/initdb" --username="$POSTGRES_USER" --encoding=UTF8 --locale=C.UTF-8 --pwfile="$POSTGRES_PASSWORD_FILE" --auth-host=scram-sha-256 --auth-local=trust
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  # On a socket alone, so that nobody uses the database before it is complete.
  "$bin/pg_ctl" start --wait --options="-c listen_addresses= -c unix_socket_directories=$sockets"
  psql --host="$sockets" --username="$POSTGRES_USER" --dbname=postgres --command="create database \"$POSTGRES_DB\""
  "$bin/pg_ctl" stop --wait --mode=fast
fi
exec "$bin/postgres" -c listen_addresses='*' -c unix_socket_directories="$sockets"
