# Sourced by each run.sh: BOOTSTRAP names the broker, $cache is this client's place for what it installs.
set -u
: "${BOOTSTRAP:?host:port of a running broker}"
compat=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
here=$(cd "$(dirname "$0")" && pwd)
name=$(basename "$here")
cache=$compat/.cache/$name
mkdir -p "$cache"

not_run() { echo "not run: $*"; exit 0; }

need() { command -v "$1" >/dev/null 2>&1 || not_run "$1 is not installed"; }

# python_client PACKAGE==VERSION...: installs them once, then runs check.py
python_client() {
  need python3
  echo "version ${1##*==}"
  local stamp; stamp=$cache/venv/.installed-$(printf '%s' "$*" | cksum | cut -d' ' -f1)
  if [ ! -f "$stamp" ]; then
    rm -rf "$cache/venv"
    python3 -m venv "$cache/venv" && "$cache/venv/bin/pip" install -q "$@" >"$cache/install.log" 2>&1 || not_run "could not install $*"
    touch "$stamp"
  fi
  PYTHONPATH=$compat/common exec "$cache/venv/bin/python" -B "$here/check.py" ${CHECKS:-}
}

# maven_libs DIR GROUP:ARTIFACT:VERSION...: the jars and what they need at run time, without EXCLUDE=GROUP:ARTIFACT
maven_libs() {
  local directory=$1; shift
  [ -f "$directory/.installed" ] && return 0
  mkdir -p "$directory"
  {
    echo '<project><modelVersion>4.0.0</modelVersion><groupId>compat</groupId><artifactId>libs</artifactId><version>1</version><dependencies>'
    local coordinate group artifact version without=
    [ -n "${EXCLUDE:-}" ] &&
      without="<exclusions><exclusion><groupId>${EXCLUDE%%:*}</groupId><artifactId>${EXCLUDE##*:}</artifactId></exclusion></exclusions>"
    for coordinate in "$@"; do
      IFS=: read -r group artifact version <<<"$coordinate"
      echo "<dependency><groupId>$group</groupId><artifactId>$artifact</artifactId><version>$version</version>$without</dependency>"
    done
    echo '</dependencies></project>'
  } >"$directory/pom.xml"
  mvn -q -B -f "$directory/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$directory" >"$directory/install.log" 2>&1 &&
    touch "$directory/.installed"
}
