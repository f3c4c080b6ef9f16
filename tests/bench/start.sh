#!/usr/bin/env bash
# Starts a provider to be measured: SQLite, durable commits, 20 people, the clients of the target files. Prints its pid.
#   VOUCHSAFE=target/dist/vouchsafe PORT=4080 tests/bench/start.sh DIR
# DIR is made; the finished target files (vouchsafe-es256.toml, vouchsafe-rs256.toml) and the log are in it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=$1
port=${PORT:-4080}
program=${VOUCHSAFE:-$here/../../target/dist/vouchsafe}
issuer=http://127.0.0.1:$port
callback=http://127.0.0.1:9/cb

"$program" init --dir "$dir" --issuer "$issuer" --listen "127.0.0.1:$port" --database "sqlite://$dir/bench.db" >&2
config=$dir/vouchsafe.toml
"$program" migrate --config "$config" >&2

add_client() { # NAME ALG
  "$program" client add --config "$config" --json --id "$1" --name "$1" --redirect "$callback" --id-token-alg "$2" \
    --grant authorization_code --grant refresh_token --scope "openid profile email offline_access" --pkce required |
    sed 's/.*"client_secret":"\([^"]*\)".*/\1/'
}
service=$("$program" client add --config "$config" --json --id service --name service --grant client_credentials --scope api |
  sed 's/.*"client_secret":"\([^"]*\)".*/\1/')
for alg in ES256 RS256; do
  name=${alg,,}
  secret=$(add_client "bench-$name" "$alg")
  sed -e "s|@PORT@|$port|g; s|@ALG@|$name|g; s|@SECRET@|$secret|g; s|@SERVICE@|$service|g" "$here/target.toml" >"$dir/vouchsafe-$name.toml"
done
for n in $(seq 0 19); do
  echo "Correct-Horse-7-Battery" |
    "$program" user add --config "$config" --email "user$n@example.com" --name "User $n" --verified --password-stdin >/dev/null
done
# One address makes all the load: people's pages have no limit here; programs have none by default.
export VOUCHSAFE__LIMITS__PAGES_PER_MINUTE=0 VOUCHSAFE__LIMITS__GUESSES_PER_MINUTE=0 VOUCHSAFE__LIMITS__VISITS_PER_HOUR=0
nohup "$program" serve --config "$config" >"$dir/log" 2>&1 </dev/null &
echo $!
