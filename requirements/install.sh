#!/usr/bin/env bash
# Make the environment .venv of this checkout from requirements/lock.txt; do nothing if it is up to date.
# With the argument `lock`: renew requirements/lock.txt instead.
# mmcv has no wheel for today's torch, so its operators are compiled once; uv keeps the wheel in its cache.
set -euo pipefail
cd "$(dirname "$0")/.."

stamp=.venv/rampose.stamp
wanted=$(cat requirements/lock.txt requirements/install.sh pyproject.toml setup.py | sha256sum)
if [ "${1:-}" != lock ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then exit 0; fi

python=${PYTHON:-$(command -v python3.11 || true)}
if ! "${python:-false}" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' > /dev/null 2>&1; then
  if [ -n "${PYTHON:-}" ]; then
    echo "PYTHON=$PYTHON is no Python 3.11, which the lock file is for" >&2
    exit 1
  fi
  python=  # none, or one that does not start: uv fetches one, below
fi
for program in g++ make; do
  command -v "$program" > /dev/null || { echo "$program is needed to compile mmcv; install it (Debian: apt install g++ make)" >&2; exit 1; }
done

uv=$(command -v uv || true)
if [ -z "$uv" ] || ! "$uv" cache dir > /dev/null 2>&1; then  # absent, or older than pyproject.toml asks for
  uv=.uv/bin/uv
  if [ ! -x "$uv" ]; then
    echo "== Fetching uv, which makes the environment"
    any=${python:-$(command -v python3 || true)}
    if ! "${any:-false}" -m venv .uv || ! .uv/bin/python -m pip install --quiet 'uv>=0.8.4'; then
      rm -rf .uv
      echo "uv is needed to make the environment, and could not be fetched. Install it, or Python 3.11 with its venv module" \
        "(Debian: apt install python3 python3-venv), and look whether a package index can be reached" >&2
      exit 1
    fi
  fi
fi
if [ -z "$python" ]; then
  echo "== Python 3.11 is not here; uv looks for one, and fetches one where it may"
  if ! python=$("$uv" python find 3.11 2> /dev/null || { "$uv" python install 3.11 && "$uv" python find 3.11; }); then
    echo "Python 3.11 is needed (the lock file is for it), is not here and could not be fetched. Install it (pyenv install" \
      "3.11, or conda create -n rampose python=3.11) and name it: make setup PYTHON=/path/to/python3.11" >&2
    exit 1
  fi
fi
if [ "${1:-}" = lock ]; then
  "$uv" lock --upgrade
  "$uv" export --quiet --frozen --all-groups --no-emit-project --no-header --no-annotate -o requirements/lock.txt
  exit 0
fi

export UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=${UV_LINK_MODE:-hardlink}
# Pose networks need none of mmcv's CUDA operators, and compiling them needs a CUDA toolkit that matches torch's.
if [ -z "${MMCV_CUDA:-}" ]; then export CUDA_VISIBLE_DEVICES=; fi

echo "== Making .venv from requirements/lock.txt: several GB to download the first time"
[ -x .venv/bin/python ] || "$uv" venv --quiet --python "$python" .venv

started=$SECONDS
(
  # Their output goes nowhere: a sleep that outlives this script must not hold its caller's pipe.
  sleep 60 > /dev/null 2>&1
  while sleep 30 > /dev/null 2>&1; do
    files=$(find "$("$uv" cache dir)" -path '*mmcv*' -name '*.o' -newer pyproject.toml 2> /dev/null | wc -l)
    echo "   $(((SECONDS - started) / 60)) min $(((SECONDS - started) % 60)) s: compiling mmcv once, about 10 minutes on 2 cores ($files of 77 files)"
  done
) &
heartbeat=$!
trap 'kill $heartbeat 2> /dev/null || true' EXIT
"$uv" pip sync --quiet --compile-bytecode --python .venv requirements/lock.txt
"$uv" pip install --quiet --python .venv --no-deps --no-build-isolation --editable .
# mim looks for metafiles below the package in site-packages, which an editable install leaves empty.
site=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
mkdir -p "$site/rampose"
ln -sfn "$PWD/rampose/.mim" "$site/rampose/.mim"
echo "$wanted" > "$stamp"
echo "== .venv is ready after $(((SECONDS - started) / 60)) min $(((SECONDS - started) % 60)) s"
