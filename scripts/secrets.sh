#!/bin/sh
# Creates the secrets that compose.yaml passes to the containers. It keeps existing files. It needs only a
# shell.
set -eu
cd "$(dirname "$0")/.."

random() {
  od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n'
}

# Only its owner can enter the folder. The files are readable for all, because a container sees them with the
# same owner and mode, and the server in it runs as another account.
mkdir -p secrets
chmod 700 secrets
umask 022
keep() {
  if [ -s "secrets/$1" ]; then
    echo "secrets/$1 is there"
  else
    printf '%s' "$2" >"secrets/$1"
    echo "secrets/$1 is made"
  fi
}

keep auth-secret "$(random)"
keep database-password "$(random)"
keep database-url "postgres://todo:$(cat secrets/database-password)@database/todo"
