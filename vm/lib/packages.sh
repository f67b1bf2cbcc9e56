# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash
# Debian packages for virtual machines: downloaded and unpacked into a cache. Nothing is
# installed, and the system's apt is not touched: what its own sources do not list is looked
# for with a private apt that knows further suites of the same mirror.

cache=${SLUICE_KERNEL_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/sluice/kernels}
apt_options=(-q -o APT::Sandbox::User="$(id -un)" -o Acquire::Retries=3)

fail() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 2
}

# The system's Debian sources as "URI SUITE".
system_sources() {
	# shellcheck disable=SC2016 # apt's own variables
	apt-get indextargets --no-release-info --format '$(REPO_URI) $(RELEASE)' \
		'Created-By: Packages' | grep -E ' bookworm[a-z-]*$' | sort -u
}

# private_apt DIR SUITE [alone]: apt_options then mean an apt state of our own in DIR, with the
# system's sources, unless alone, and of the same mirror another suite.
private_apt() {
	local dir=$1 suite=$2 alone=${3-} uri own keyring=/usr/share/keyrings

	keyring+=/debian-archive-keyring.gpg
	mkdir -p "$dir"/{lists/partial,archives/partial}
	while read -r uri own; do
		[ -n "$alone" ] || echo "deb [signed-by=$keyring] $uri $own main"
		[ "$own" != bookworm ] || echo "deb [signed-by=$keyring] $uri $suite main"
	done < <(system_sources) >"$dir/sources.list"
	apt_options+=(
		-o Dir::Etc::SourceList="$dir/sources.list" -o Dir::Etc::SourceParts=-
		-o Dir::State::Lists="$dir/lists" -o Dir::Cache::Archives="$dir/archives"
	)
	apt-get "${apt_options[@]}" update >&2
}

# unpack DIR PACKAGE...: downloads and unpacks into DIR/tree.
unpack() {
	local dir=$1 package
	shift

	(cd "$dir" && apt-get "${apt_options[@]}" download "$@" >&2) || return
	for package in "$dir"/*.deb; do
		dpkg-deb -x "$package" "$dir/tree" || return
	done
}

# cached NAME COMMAND...: the tree of that name in the cache, which the command makes as
# DIR/tree of the directory that is its last argument. One process at a time fetches.
cached() {
	local name=$1 lock work
	shift

	[ ! -d "$cache/$name" ] || return 0
	mkdir -p "$cache"
	exec {lock}>"$cache/lock"
	flock "$lock"
	if [ ! -d "$cache/$name" ]; then
		work=$(mktemp -d "$cache/fetch.XXXXXX")
		# shellcheck disable=SC2064 # what it is now
		trap "rm -rf '$work'" EXIT
		trap 'exit 130' INT TERM HUP
		"$@" "$work"
		mv -T "$work/tree" "$cache/$name"
	fi
	exec {lock}>&-
}
