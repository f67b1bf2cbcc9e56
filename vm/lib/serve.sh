# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash
#
# serve.sh DIRECTORY: what a machine of vm/lab --vms runs: every ID.command that comes into the
# directory, at once; what it said is then ID.out and ID.err, and how it ended, ID.code.
dir=$1
cd "$dir" || exit
export TMPDIR=/tmp

run() {
	bash "$1.command" >"$1.out" 2>"$1.err" </dev/null
	echo $? >"$1.code.new"
	mv "$1.code.new" "$1.code"
}

touch serving
mkfifo /run/vm/pause # of which nothing ever comes: waiting without a process for it
exec {pause}<>/run/vm/pause
declare -A known
while :; do
	for file in *.command; do
		[[ -e $file && -z ${known[$file]-} ]] || continue
		known[$file]=yes
		run "${file%.command}" &
	done
	read -rt 0.2 -u "$pause"
done
