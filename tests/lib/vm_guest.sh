# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034
# For the guests' parts of tests in virtual machines.
set -uo pipefail
# shellcheck source=tests/lib/verdicts.sh
source tests/lib/verdicts.sh

net_dir=$(mktemp -d)
build=${BUILD:-build}
[[ $build == /* ]] || build=$PWD/$build
PATH=$build:$PATH
