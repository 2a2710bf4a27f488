#!/bin/sh
# up.sh DIR: starts a private Dovecot (IMAP, IMAPS, POP3, POP3S) on 127.0.0.1 and writes
# its ports, certificate authority and mail folder to DIR/env. A second call prints the
# same. Ends with down.sh DIR. Touches nothing outside DIR, except that root gets Dovecot
# installed by apt where it is missing.
#
# Accounts are those of the file `users` beside this script. Mail of an account lies in
# DIR/mail/USER/Maildir (a test may put files into new/). As root, Dovecot runs as the
# account "mail" or "nobody", since it refuses root's mail; as another user, as that user.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ $# = 1 ] || { echo "usage: up.sh DIR" >&2; exit 2; }
mkdir -p "$1"
dir=$(cd "$1" && pwd)
export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"
say() { echo "mailserver: $*" >&2; }
fail() { say "$*"; exit 1; }
case $dir in *[!A-Za-z0-9._/+-]*) fail "the path $dir has characters that Dovecot's settings cannot hold" ;; esac

alive() { [ -s "$dir/run/master.pid" ] && kill -0 "$(cat "$dir/run/master.pid")" 2>/dev/null; }
if [ -s "$dir/env" ] && alive; then cat "$dir/env"; exit 0; fi
rm -f "$dir/env"

# --- the programs
has_dovecot() {
  command -v dovecot >/dev/null || return 1
  for libexec in /usr/lib/dovecot /usr/libexec/dovecot; do
    if [ -x $libexec/imap-login ] && [ -x $libexec/imap ] && [ -x $libexec/pop3 ]; then return 0; fi
  done
  return 1
}
if ! has_dovecot; then
  want="dovecot-core dovecot-imapd dovecot-pop3d"
  command -v apt-get >/dev/null || fail "Dovecot with IMAP and POP3 is missing; install it"
  [ "$(id -u)" = 0 ] || fail "Dovecot is missing; as root: apt-get install --no-install-recommends $want"
  say "installing $want"
  export DEBIAN_FRONTEND=noninteractive
  # shellcheck disable=SC2086 # a list of words
  { apt-get install -y -q --no-install-recommends $want ||
    { apt-get update -q && apt-get install -y -q --no-install-recommends $want; }; } >"$dir/apt.log" 2>&1 ||
    fail "apt could not install them; see $dir/apt.log"
fi
command -v openssl >/dev/null || fail "openssl is missing; install it"
version=$(dovecot --version | cut -d' ' -f1)
case $version in
  2.3.*) config=2.3 ;;
  2.[4-9]* | 3.*) config=2.4 ;;
  *) fail "Dovecot $version is neither 2.3 nor 2.4" ;;
esac

# --- folders, and the account that reads the mail
mkdir -p "$dir/run" "$dir/state" "$dir/tls" "$dir/mail"
chmod 755 "$dir" "$dir/run" "$dir/tls" "$dir/mail"
if [ "$(id -u)" = 0 ]; then
  user=mail
  id mail >/dev/null 2>&1 || user=nobody
  group=$(id -gn "$user")
else
  user=$(id -un) group=$(id -gn)
fi

# --- an authority of our own, a certificate for localhost, and one for another name
certify() { # NAME DAYS SUBJECT-ALTERNATIVE-NAMES
  openssl ecparam -name prime256v1 -genkey -noout -out "$dir/tls/$1.key"
  openssl req -new -key "$dir/tls/$1.key" -subj "/CN=$1" -out "$dir/tls/$1.csr"
  printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n' "$3" >"$dir/tls/$1.ext"
  openssl x509 -req -in "$dir/tls/$1.csr" -CA "$dir/tls/ca.pem" -CAkey "$dir/tls/ca.key" -CAcreateserial \
    -days "$2" -extfile "$dir/tls/$1.ext" -out "$dir/tls/$1.pem"
}
if [ ! -s "$dir/tls/server.pem" ]; then
  {
    openssl ecparam -name prime256v1 -genkey -noout -out "$dir/tls/ca.key"
    openssl req -x509 -new -key "$dir/tls/ca.key" -days 3650 -subj "/CN=pimesh test authority" \
      -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
      -out "$dir/tls/ca.pem"
    certify server 800 DNS:localhost
  } >"$dir/tls/openssl.log" 2>&1 || fail "no certificate could be made; see $dir/tls/openssl.log"
fi

# --- the accounts
tab=$(printf '\t')
: >"$dir/passwd"
while IFS="$tab" read -r name password; do
  case $name in '' | '#'*) continue ;; esac
  printf '%s:{PLAIN}%s::::::\n' "$name" "$password" >>"$dir/passwd"
  for part in cur new tmp; do mkdir -p "$dir/mail/$name/Maildir/$part"; done
done <"$here/users"
chmod 644 "$dir/passwd"

# --- settings; the two formats differ in every second name
services() {
  cat <<X
service anvil {
  chroot =
  # no waiting after wrong passwords
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service stats {
  chroot =
}
service imap-login {
  chroot =
  inet_listener imap {
    port = $imap
  }
  inet_listener imaps {
    port = $imaps
    ssl = yes
  }
}
service pop3-login {
  chroot =
  inet_listener pop3 {
    port = $pop3
  }
  inet_listener pop3s {
    port = $pop3s
    ssl = yes
  }
}
namespace inbox {
  inbox = yes
  separator = /
  mailbox Drafts {
    special_use = \\Drafts
    auto = create
  }
  mailbox Trash {
    special_use = \\Trash
    auto = create
  }
  mailbox Junk {
    special_use = \\Junk
    auto = create
  }
}
X
}
common() {
  cat <<X
instance_name = pimesh-test-$imap
base_dir = $dir/run
state_dir = $dir/state
log_path = $dir/dovecot.log
protocols = imap pop3
listen = 127.0.0.1
default_internal_user = $user
default_internal_group = $group
default_login_user = $user
mail_uid = $user
mail_gid = $group
first_valid_uid = 1
first_valid_gid = 1
mail_fsync = never
mail_max_userip_connections = 100
auth_mechanisms = plain login
auth_username_chars =
auth_failure_delay = 0
ssl = yes
X
}
settings_2_3() {
  common
  cat <<X
disable_plaintext_auth = no
default_vsz_limit = 0
ssl_cert = <$dir/tls/server.pem
ssl_key = <$dir/tls/server.key
mail_location = maildir:~/Maildir
passdb {
  driver = passwd-file
  args = username_format=%u $dir/passwd
}
userdb {
  driver = passwd-file
  args = username_format=%u $dir/passwd
  default_fields = uid=$user gid=$group home=$dir/mail/%u
}
X
}
settings_2_4() {
  printf 'dovecot_config_version = %s\ndovecot_storage_version = 2.4.0\n' "${version%%-*}"
  common
  cat <<X
auth_allow_cleartext = yes
default_vsz_limit = unlimited
ssl_server_cert_file = $dir/tls/server.pem
ssl_server_key_file = $dir/tls/server.key
mail_driver = maildir
mail_path = ~/Maildir
passdb passwd-file {
  passwd_file_path = $dir/passwd
}
userdb static {
  fields {
    uid = $user
    gid = $group
    home = $dir/mail/%{user}
  }
}
X
}

# --- free ports: drawn at random, drawn again where one turns out to be taken
draw() { echo $((20000 + $(od -An -N2 -tu2 /dev/urandom) % 12000)); }
try=0
while :; do
  try=$((try + 1))
  [ $try -le 10 ] || fail "it does not start; see $dir/dovecot.log and $dir/start.log"
  base=$(draw)
  imap=$base imaps=$((base + 1)) pop3=$((base + 2)) pop3s=$((base + 3))
  { "settings_$(echo $config | tr . _)"; services; } >"$dir/dovecot.conf"
  [ "$(id -u)" != 0 ] || chown -R "$user:$group" "$dir/mail" "$dir/state"
  [ "$(id -u)" != 0 ] || chmod 644 "$dir/tls/server.key"
  if dovecot -c "$dir/dovecot.conf" </dev/null >"$dir/start.log" 2>&1; then break; fi
  grep -q 'Address already in use' "$dir/start.log" "$dir/dovecot.log" 2>/dev/null || try=10
done

# --- until it greets
waited=0
greets() { printf 'a LOGOUT\r\n' | openssl s_client -connect "127.0.0.1:$imaps" -quiet 2>/dev/null | grep -q '^\* OK'; }
until greets; do
  waited=$((waited + 1))
  if [ $waited -gt 100 ] || ! alive; then
    "$here/down.sh" "$dir" || true
    fail "it does not answer; see $dir/dovecot.log"
  fi
  sleep 0.1
done
cat >"$dir/env.new" <<X
PIMESH_MAIL_DIR=$dir
PIMESH_MAIL_HOST=localhost
PIMESH_MAIL_CA=$dir/tls/ca.pem
PIMESH_MAIL_USERS=$here/users
PIMESH_MAIL_IMAP=$imap
PIMESH_MAIL_IMAPS=$imaps
PIMESH_MAIL_POP3=$pop3
PIMESH_MAIL_POP3S=$pop3s
X
mv "$dir/env.new" "$dir/env"
cat "$dir/env"
