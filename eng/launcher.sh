# shellcheck shell=bash
# What the launcher's scripts share: where things lie, and how they speak. Sourced, never run.
# Everything the launcher says goes to stderr, so that stdout stays the command's own.

eng=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
root=$(dirname -- "$eng")
# shellcheck disable=SC2034 # used by the scripts that source this file
{
  state="$root/.fusemix"
  artifacts="$root/artifacts"
  cli="$artifacts/bin/FuseMix.Cli/release/fusemix-cli.dll"
  feed_json="$state/feed.json"
  feed_props="$state/feed.props"
  lock_file="$state/lock"
}

# An SDK that was installed without root is found without the user's profile.
if ! command -v dotnet >/dev/null; then
  for folder in "${DOTNET_ROOT:-}" "${HOME:-}/.dotnet"; do
    [[ -n $folder && -x $folder/dotnet ]] && PATH="$folder:$PATH" && break
  done
fi

# The launcher reads what dotnet prints, and wants no build server to outlive it.
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_CLI_UI_LANGUAGE=en MSBUILDDISABLENODEREUSE=1

if [[ -t 2 ]]; then clear_line=$'\r\e[K'; else clear_line=''; fi

say() { printf '%sfusemix: %s\n' "$clear_line" "$1" >&2; }

# die SENTENCE WAY-OUT: every end of the launcher has both, and an entry in docs/troubleshooting.md.
die() {
  say "$1"
  printf '  → %s\n' "$2" >&2
  exit 1
}

now_us() { printf '%s' "${EPOCHREALTIME//[^0-9]/}"; }

# seconds_since MICROSECONDS: like 12.3
seconds_since() {
  local tenths=$((($(now_us) - $1) / 100000))
  printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}

# phase LABEL COMMAND…: runs it and leaves one line with the time it took.
phase() {
  local label=$1 started
  shift
  started=$(now_us)
  [[ -n $clear_line ]] && printf 'fusemix: %s …' "$label" >&2
  "$@" || return
  say "$label: $(seconds_since "$started") s"
}

# has_command NAME
has_command() { command -v "$1" >/dev/null; }

# has_library SONAME
has_library() { [[ $(PATH="$PATH:/usr/sbin:/sbin" ldconfig -p 2>/dev/null) == *"$1 "* ]]; }

# package_version NAME: as Directory.Packages.props pins it
package_version() {
  sed -n "s/.*<$1[ >][^>]*>\([^<]*\)<.*/\1/p; s/.*Include=\"$1\" Version=\"\([0-9][^\"]*\)\".*/\1/p" "$root/Directory.Packages.props"
}

# One value of .fusemix/feed.json, which eng/record-feed writes one key a line.
feed_value() { sed -n "s/^ *\"$1\": *//p" "$feed_json" 2>/dev/null | sed 's/,$//; s/^"\(.*\)"$/\1/'; }

# A hash over all that the feed's answer depends on: another hash, another detection.
feed_inputs() {
  {
    printf '%s\n' "${FUSEMIX_RUNTIME:-}" "${FUSEMIX_GPU:-}" "${NUGET_PACKAGES:-}"
    grep -hE 'Orleans|OnnxRuntime|Exporter\.Prometheus' "$root/Directory.Packages.props"
    cat "$root"/[Nn]u[Gg]et.[Cc]onfig "${HOME:-}/.nuget/NuGet/NuGet.Config" 2>/dev/null || true
  } | sha256sum | cut -c 1-16
}
