#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#
# Our HTTP parser beside Node's llhttp in its strict mode: what ours accepts, llhttp
# accepts, with the same method, target, fields, content and end. Where ours refuses more,
# it is named.
#
#   tests/e2e/http_llhttp.sh [MESSAGES [SEED]]
set -uo pipefail

root=$(dirname "$(dirname "$(dirname "$(readlink -f "$0")")")")
cd "$root" || exit 2
build=${BUILD:-build}

if ! node -e "process.binding('http_parser').HTTPParser.kOnBody" >/dev/null 2>&1; then
	echo "# skip Node's HTTP parser is not there: nodejs is not installed, or too new"
	exit 0
fi
NODE_NO_WARNINGS=1 exec node tests/e2e/tools/llhttp.js "$build/tests/e2e/verdicts" \
	"${1:-40000}" "${2:-1}" tests/fuzz/seeds/http_request/* tests/fuzz/seeds/http_response/*
