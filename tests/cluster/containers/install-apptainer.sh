#!/usr/bin/env bash
# apptainer into the folder PREFIX, for Debian 12, which has none: sid's package, unpacked beside the system together
# with sid's C library. As root; ten seconds.
set -euo pipefail
prefix=$(realpath -m "$1")
[ -x "$prefix/bin/apptainer" ] && exit 0
export DEBIAN_FRONTEND=noninteractive
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
apt-get update -qq
apt-get install -y -qq --no-install-recommends patchelf squashfs-tools uidmap >/dev/null

# the mirror that this machine uses already, read for sid into lists of its own: the system's stay as they are
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v -- -security | head -1)
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror sid main" >"$work/sources.list"
mkdir -p "$work"/{lists/partial,cache/archives/partial,unpacked}
sid=(apt-get -qq -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=-
  -o Dir::State::lists="$work/lists" -o Dir::Cache="$work/cache" -o APT::Sandbox::User=root)
"${sid[@]}" update
cd "$work"
"${sid[@]}" download apptainer libc6 libseccomp2 libsqlite3-0
for package in *.deb; do dpkg -x "$package" unpacked; done

libraries=unpacked/usr/lib/x86_64-linux-gnu
rm -rf "$prefix"  # what an interrupted installation left
mkdir -p "$prefix"/{bin,lib/x86_64-linux-gnu,lib/var/lib/apptainer/mnt/session}
mv "$libraries/apptainer" "$prefix/lib/x86_64-linux-gnu/"
cp -a "$libraries"/*.so* "$prefix/lib/"
mv unpacked/etc "$prefix/etc"
ln -sfn ../etc "$prefix/lib/etc"  # where the starter looks for its settings
# root in a container lacks some capabilities, and asking for all of them fails
sed -i 's/^root default capabilities = .*/root default capabilities = no/' "$prefix/etc/apptainer/apptainer.conf"
for program in unpacked/usr/bin/apptainer "$prefix/lib/x86_64-linux-gnu/apptainer/bin/starter"; do
  patchelf --force-rpath --set-interpreter "$prefix/lib/ld-linux-x86-64.so.2" --set-rpath "$prefix/lib" "$program"
done
mv unpacked/usr/bin/apptainer "$prefix/bin/"  # last: this file says that the rest is there
