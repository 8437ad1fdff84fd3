#!/bin/sh
# Draws the fleet's secrets when the volume is new; they are never in the repository or in an environment.
# As root in a container of its own: each file belongs to the user who reads it.
#   password       of the history database, for PostgreSQL (POSTGRES_PASSWORD_FILE)
#   database-url   the same, for logger and status (DATABASE_URL_FILE)
#   http-token     what an operator shows to change the queue (POSTBUS_HTTP_TOKEN_FILE)
set -eu
cd "${1:-/secrets}"
[ -s database-url ] && exit 0
umask 077
draw() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
draw >password
draw >http-token
printf 'postgres://postbus:%s@postgres:5432/postbus\n' "$(cat password)" >database-url.new
chown 999:999 password
chown 1000:1000 http-token database-url.new
# Last, and in one step: its presence says that all are there.
mv database-url.new database-url
