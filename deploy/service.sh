# shellcheck shell=bash
# What `setup-server.sh --service` does beyond setting up: a system user, the systemd unit, PostgreSQL and nginx if asked.
# Only functions, read by setup-server.sh; each looks before it acts, and may be run again. They run as root.
#
# Who owns what: the code and the model stay with whoever has them, and the service's user may only read them. DATA_DIR and
# .env (mode 600, it holds the key) become the service's own. Nothing else changes its owner or its mode.

SERVICE_USER=pixelwise
UNIT=/etc/systemd/system/pixelwise.service
SITE=/etc/nginx/sites-available/pixelwise
SITE_ENABLED=/etc/nginx/sites-enabled/pixelwise
START_SECONDS=90
PLAIN_PATH='^[A-Za-z0-9/._+-]+$'

service_possible() {
  [ -d /run/systemd/system ] ||
    fail "--service: this system does not run systemd" "Start .venv/bin/pixelwise serve under the supervisor there is."
  $CHECK_ONLY || [ "$(id -u)" -eq 0 ] ||
    fail "--service: $(id -un) may not install a service" "Run it as an administrator: sudo bash setup-server.sh --service"
  [[ "$ROOT" =~ $PLAIN_PATH ]] ||
    fail "--service: $ROOT has characters that systemd reads in its own way" "Move the tree to a plain path: /opt/pixelwise"
  [[ "$SITE_NAME" =~ ^[A-Za-z0-9.-]*$ ]] ||
    fail "--nginx $SITE_NAME: no name of a host" "Name it as browsers will, such as digits.example.org" 2
}

install_service() {
  service_database
  service_names
  service_user
  service_files
  service_checks
  install_unit
  install_site
  if ! $CHECK_ONLY; then wait_until_ready; fi
}

# -- settings: where the database is, and by which name the service is called ------------------------------------------

service_database() {
  if ! $POSTGRESQL; then return; fi
  if ! compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null; then install_packages postgresql; fi
  local database="" data=""
  if ! $CHECK_ONLY || can_read_settings; then
    database="$(setting_of_file DATABASE_URL)"
    data="$(setting_of_file DATA_DIR)"
  fi
  case "$database" in
    "" | sqlite:///data/pixelwise.db | "sqlite:///${data#"$ROOT/"}/pixelwise.db") ;;
    *)
      say "postgresql: DATABASE_URL of .env was changed before: nothing to do"
      return
      ;;
  esac
  if $CHECK_ONLY; then say "postgresql: would make role and database pixelwise, and put DATABASE_URL into .env"; return; fi
  systemctl start postgresql
  local password port
  password="$(random_text)"
  port="$(as_postgres -c 'SHOW port')"
  # On its stdin: a command line can be read by everyone.
  as_postgres <<SQL >/dev/null || fail "PostgreSQL refused" "Its message stands above." 1
SELECT 'CREATE ROLE $SERVICE_USER' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '$SERVICE_USER') \gexec
ALTER ROLE $SERVICE_USER LOGIN PASSWORD '$password';
SELECT 'CREATE DATABASE pixelwise OWNER $SERVICE_USER' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'pixelwise') \gexec
SQL
  put_setting DATABASE_URL "postgresql://$SERVICE_USER:$password@127.0.0.1:$port/pixelwise"
  say "postgresql: made role and database pixelwise, with a random password in .env; results in data/ stay there"
}

as_postgres() { (cd / && runuser -u postgres -- psql -X -q -t -A -v ON_ERROR_STOP=1 "$@"); }

service_names() {
  if [ -z "$SITE_NAME" ]; then return; fi
  add_to_setting ALLOWED_HOSTS "$SITE_NAME"
  add_to_setting TRUSTED_PROXIES 127.0.0.1/32
}

add_to_setting() { # KEY WORD: to the list that is there
  local words=""
  if ! $CHECK_ONLY || can_read_settings; then
    words="$(setting_of_file "$1")"
  fi
  if [[ " $words " == *" $2 "* ]]; then say ".env: $1 names $2: nothing to do"; return; fi
  if $CHECK_ONLY; then say ".env: would add $2 to $1"; return; fi
  put_setting "$1" "${words:+$words }$2"
  say ".env: added $2 to $1"
}

# -- the user and the unit ----------------------------------------------------------------------------------------------

service_user() {
  if id "$SERVICE_USER" >/dev/null 2>&1; then
    say "user $SERVICE_USER: nothing to do"
  elif $CHECK_ONLY; then
    say "user $SERVICE_USER: would be made, without password, shell and home"
  else
    useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$SERVICE_USER"
    say "user $SERVICE_USER: made, without password, shell and home"
  fi
}

service_files() {
  local data
  if $CHECK_ONLY; then say "DATA_DIR and .env: would belong to $SERVICE_USER, and nothing else"; return; fi
  data="$(data_folder)"
  as_service .venv/bin/pixelwise --version >/dev/null ||
    fail "user $SERVICE_USER may not read what is in $ROOT" \
      "Move the tree to where everyone may, such as /opt/pixelwise, and run this again there."
  (umask 077 && mkdir -p "$data")
  chown -R "$SERVICE_USER:" "$data"
  chown "$SERVICE_USER:" .env
  say "$data and .env: belong to $SERVICE_USER, and nothing else; from now on run setup and pixelwise as root"
}

data_folder() { # DATA_DIR of .env: inside of this tree, or a folder that holds nothing else
  local data others=""
  data="$(setting_of_file DATA_DIR)"
  data="$(realpath -m -- "$data")"
  [[ "$data" =~ $PLAIN_PATH ]] ||
    fail "DATA_DIR=$data has characters that systemd reads in its own way" "Name a plain path: /var/lib/pixelwise"
  case "$data/" in "$ROOT/"?*) printf '%s\n' "$data"; return ;; esac
  if [ -d "$data" ]; then
    others="$(find "$data" -mindepth 1 -maxdepth 1 ! -name 'pixelwise.db*' ! -name 'flags.json*' ! -name service.json)"
  fi
  case "$ROOT/" in "$data/"*) others="$ROOT" ;; esac
  [ -z "$others" ] ||
    fail "DATA_DIR=$data holds more than what the service writes, and would belong to $SERVICE_USER" \
      "Name a folder of its own: /var/lib/pixelwise"
  printf '%s\n' "$data"
}

service_checks() { # as that user, with no settings but those of .env
  local said port
  if $CHECK_ONLY; then return; fi
  port="$(setting_of_file PORT)"
  [ "$port" != 0 ] || fail "PORT=0 takes another port at each start" "Put a port into .env."
  if ! said="$(as_service .venv/bin/pixelwise verify 2>&1)"; then
    printf '%s\n' "$said" >&2
    fail "user $SERVICE_USER cannot verify the model" "Its message stands above: mend that, then run this again." 1
  fi
  say "user $SERVICE_USER: reads the tree and verifies the model"
  as_service .venv/bin/pixelwise db upgrade
}

as_service() { runuser -u "$SERVICE_USER" -- env -i PATH=/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1 "$@"; }

unit() { # PYTHON DATA: deploy/pixelwise.service for this tree
  local home=true place
  for place in "$ROOT" "$1" "$2"; do
    case "$place" in /home/* | /root/* | /run/user/*) home=read-only ;; esac
  done
  sed -e "s|/opt/pixelwise|$ROOT|g" -e "s|^ReadWritePaths=.*|ReadWritePaths=$2|" -e "s|^ProtectHome=.*|ProtectHome=$home|" \
    deploy/pixelwise.service
}

install_unit() {
  local python data="$ROOT/data" text
  python="$(readlink -f .venv/bin/python || true)" # --check, before there is one
  if ! $CHECK_ONLY || can_read_settings; then data="$(data_folder)"; fi
  text="$(unit "$python" "$data")"
  if cmp -s - "$UNIT" <<<"$text"; then
    say "$UNIT: nothing to do"
  elif $CHECK_ONLY; then
    say "$UNIT: would be written"
  else
    printf '%s\n' "$text" >"$UNIT.draft"
    mv "$UNIT.draft" "$UNIT"
    systemctl daemon-reload
    say "$UNIT: written"
  fi
  if $CHECK_ONLY; then say "service: would be enabled, and started or reloaded"; return; fi
  systemctl enable --quiet pixelwise
  systemctl reload-or-restart pixelwise
}

wait_until_ready() {
  local address status=0
  address="$(listening_at)"
  address="http://$address"
  .venv/bin/python deploy/wait_until_ready.py "$address" "$START_SECONDS" || status=$?
  if [ "$status" -ne 0 ]; then
    fail "$address/ready does not say ready" "See journalctl -u pixelwise; a new HOST or PORT needs systemctl restart pixelwise." 6
  fi
  say "service: PixelWise answers at $address${SITE_NAME:+, and through nginx at http://$SITE_NAME}"
}

listening_at() { # where this machine reaches it: 0.0.0.0 is no address to call
  local host port
  host="$(setting_of_file HOST)"
  port="$(setting_of_file PORT)"
  case "$host" in 0.0.0.0) host=127.0.0.1 ;; ::) host="[::1]" ;; *:*) host="[$host]" ;; esac
  printf '%s:%s\n' "$host" "$port"
}

# -- nginx -------------------------------------------------------------------------------------------------------------

site() { # NAME ADDRESS: deploy/pixelwise.nginx for this name and this service
  sed -e "s|server_name pixelwise\.example\.org;|server_name $1;|" -e "s|server 127\.0\.0\.1:8000;|server $2;|" \
    "$ROOT/deploy/pixelwise.nginx"
}

install_site() {
  if [ -z "$SITE_NAME" ]; then return; fi
  if [ ! -d "${SITE%/*}" ]; then install_packages nginx; fi
  if [ -e "$SITE" ]; then # certbot writes into it, and so may people
    say "$SITE: kept as it is (remove it to have it made anew)"
  elif $CHECK_ONLY; then
    say "$SITE: would be written and enabled, with server_name $SITE_NAME"
  else
    local address
    address="$(listening_at)"
    site "$SITE_NAME" "$address" >"$SITE.draft"
    mv "$SITE.draft" "$SITE" # half a site would be kept as it is
    say "$SITE: written, with server_name $SITE_NAME"
  fi
  if $CHECK_ONLY; then return; fi
  ln -sfn "$SITE" "$SITE_ENABLED"
  if ! nginx -t -q; then
    rm -f "$SITE_ENABLED"
    fail "nginx refuses its configuration, so the site is not enabled" "Its message stands above: mend that, then run this again."
  fi
  systemctl reload-or-restart nginx
}
