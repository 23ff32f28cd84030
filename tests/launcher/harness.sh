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
  mkdir -p "$checkout/src/FuseMix.Cli" "$checkout/tests/launcher" "$checkout/tests/FuseMix.One.Tests" "$stubs" "$scene/home"
  cp -r "$repository/fusemix" "$repository/eng" "$repository/global.json" "$repository"/Directory.*.props "$checkout/"
  printf '%s\n' '"tests\\FuseMix.One.Tests\\FuseMix.One.Tests.csproj"' >"$checkout/eng/embedded.slnf"
  printf 'true\n' >"$checkout/tests/launcher/something-holds.test"
  : >"$calls"

  local -a tools
  mapfile -t tools < <(type -P awk base64 bash basename cat chmod cmp cp cut date df dirname du env find flock grep gzip \
    head kill mkdir mkfifo mktemp mv paste readlink rm sed sha512sum sha256sum sleep sort tail tar timeout touch tr uname)
  ln -s "${tools[@]}" "$stubs/"
  stub ldconfig 'cat "$stubs/libraries"'
  printf '\tlibvips.so.42 (libc6) => /lib\n\tlibdnnl.so.2 (libc6) => /lib\n' >"$stubs/libraries"
  stub dotnet "$(cat "$repository/tests/launcher/stub-dotnet")"
  stub npm "$(cat "$repository/tests/launcher/stub-npm")"
  stub shellcheck ''

  # The smallest package that the launcher takes for ONNX Runtime, and its hash in place of the real one.
  mkdir -p "$scene/tarball/package/Runtime" "$scene/tarball/package/Plugins/Linux/x64" "$scene/tarball/package/Plugins/iOS"
  touch "$scene/tarball/package/"{LICENSE,package.json,Runtime/Session.cs,Plugins/Linux/x64/library.so,Plugins/iOS/library}
  tar -czf "$stubs/package.tgz" -C "$scene/tarball" package
  local hash
  hash=$(sha512sum "$stubs/package.tgz" | cut -d ' ' -f 1)
  # shellcheck disable=SC2001,SC2059 # the format is the data: \x escapes
  sed -i "s|integrity=sha512-.*|integrity=sha512-$(printf "$(sed 's/../\\x&/g' <<<"$hash")" | base64 -w 0)|" "$checkout/eng/fetch-onnxruntime"
  package="$checkout/.fusemix/packages/com.github.asus4.onnxruntime@0.4.9"
}

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
