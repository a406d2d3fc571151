#!/usr/bin/env bash
# localhost/python-base:bookworm, a stand-in for the official Python image where no image registry can be reached:
# Debian and its Python from Debian's packages, with the programs to make and run images. On Debian, as root; a minute.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
if ! command -v podman runc mmdebstrap >/dev/null; then
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends podman runc mmdebstrap >/dev/null
fi
podman image exists localhost/python-base:bookworm && exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mmdebstrap --quiet --variant=apt --dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --include=python3,python3-venv,ca-certificates bookworm "$work/base.tar"
podman import --change 'CMD ["bash"]' "$work/base.tar" localhost/python-base:bookworm >/dev/null
