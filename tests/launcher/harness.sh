# shellcheck shell=bash
# A checkout of the launcher in a temporary folder, on a PATH of stubs: each test is a script that sources this
# file, sets the scene with files in $stubs, and fails (by set -e) where something is not as it says.
set -euo pipefail

repository=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/../..
scene=$(mktemp -d "${TMPDIR:-/tmp}/fusemix-launcher.XXXXXX")
trap 'rm -rf -- "$scene"' EXIT

# new_checkout [NAME]: sets $checkout (the folder), $stubs (their PATH folder and their switches), $calls (their log)
new_checkout() {
  checkout="$scene/${1:-checkout}" stubs="$scene/stubs" calls="$scene/calls"
  mkdir -p "$checkout/src/FuseMix.Cli" "$checkout/benchmarks" "$checkout/tests/launcher" "$checkout/tests/azurite" "$checkout/tests/FuseMix.One.Tests" "$stubs" "$scene/home"
  cp -r "$repository/fusemix" "$repository/eng" "$repository/global.json" "$repository"/Directory.* "$checkout/"
  printf 'true\n' >"$checkout/tests/launcher/something-holds.test"
  touch "$checkout/FuseMix.Cluster.sln" "$checkout/.editorconfig" "$checkout/tests/azurite/package-lock.json"
  : >"$calls"

  local -a tools
  mapfile -t tools < <(type -P awk bash basename cat chmod cp cut date df dirname du env find flock grep \
    head id kill mkdir mkfifo mktemp mv paste readlink rm sed sha256sum sleep sort stat tail timeout touch tr uname)
  ln -s "${tools[@]}" "$stubs/"
  stub ldconfig 'cat "$stubs/libraries"'
  printf '\tlibdnnl.so.2 (libc6) => /lib\n' >"$stubs/libraries"
  stub dotnet "$(cat "$repository/tests/launcher/stub-dotnet")"
  stub npm 'mkdir -p "$3/node_modules"'
  stub shellcheck ''
}

# new_project NAME [BODY]: a further test project that the build makes, and what it runs before it writes its report
new_project() {
  mkdir -p "$checkout/tests/$1"
  echo "$1" >>"$stubs/projects"
  project_does "$@"
}

# project_does NAME [BODY]
project_does() { printf '%s\n' "${2:-}" >"$stubs/$1.does"; }

# stub NAME BODY: a command on the PATH of the checkout that logs its call, then does BODY
stub() {
  rm -f "$stubs/$1"
  printf '#!%s\nstubs=%q\nprintf "%%s\\n" "%s $*" >>%q\n%s\n' "$(command -v bash)" "$stubs" "$1" "$calls" "$2" >"$stubs/$1"
  chmod +x "$stubs/$1"
}

# launch ARGUMENTS…: runs ./fusemix; sets $status, $stdout and $output (both streams)
launch() {
  status=0
  (cd "$scene" && env -i HOME="$scene/home" PATH="$stubs" TMPDIR="$scene" "${environment[@]}" \
    "$checkout/fusemix" "$@" </dev/null >"$scene/stdout" 2>"$scene/stderr") || status=$?
  stdout=$(<"$scene/stdout")
  output="$stdout"$'\n'$(<"$scene/stderr")
}
environment=()

fail() {
  printf '%s\n--- exit status %s, output:\n%s\n--- calls:\n%s\n' "$1" "${status:-}" "${output:-}" "$(<"$calls")"
  exit 1
}
expect_status() { ((status == $1)) || fail "expected exit status $1"; }
expect_output() { [[ $output == *"$1"* ]] || fail "expected in the output: $1"; }
expect_no_output() { [[ $output != *"$1"* ]] || fail "did not expect in the output: $1"; }
expect_last_line() { [[ $(tail -n 1 <<<"$stdout") == "$1" ]] || fail "expected as the last line: $1"; }
called() { grep -c -- "^$1" "$calls" || true; }
expect_calls() { (($(called "$2") == $1)) || fail "expected $1 calls of: $2"; }
