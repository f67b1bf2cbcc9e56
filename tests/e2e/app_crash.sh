#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 120
#
# A handler that crashes costs its worker, no other, and that is back at once; one that
# loops is ended by the watchdog. What is wrong with a module is found before it serves.
set -uo pipefail
# shellcheck source=tests/lib/app_net.sh
source tests/lib/app_net.sh
app_up 'watchdog: 500ms' 'memory-max: 1000000'

# falls PATH REASON: the request ends without an answer, the server stays.
falls() {
	local before
	before=$(workers)
	get "$1"
	is "GET $1 gets no answer" "$status" 000
	check "the server answers again" within 3 answers
	is "by a new worker" "$([ "$before" != "$(workers)" ] && echo yes)" yes
	like "the log tells the request" "$(grep event=crash "$net_dir/app.log" | tail -n 1)" \
		"reason=$2 request=[0-9a-f]{24} route=\"GET $1\""
}

falls /crash segmentation-fault
falls /overflow stack-overflow
falls /hog abort
falls /loop watchdog
is "the master has counted them" "$(metric sluice_worker_crashes_total)" 4
is "and the one that hung" "$(metric sluice_worker_watchdog_kills_total)" 1

# --- others do not notice -----------------------------------------------------------

stop app
app_config 'watchdog: 500ms'
sed -i 's/^workers: 1/workers: 3/' "$net_dir/app.yaml"
app_start
askers=()
for _ in {1..40}; do
	curl -s -o /dev/null -w '%{http_code}\n' "$server/wait?ms=2000" >>"$net_dir/statuses" &
	askers+=($!)
done
sleep 0.5
get /crash
wait "${askers[@]}"
lost=$(grep -c 000 "$net_dir/statuses") served=$(grep -c 200 "$net_dir/statuses")
between "the requests of one worker of three are lost" "$lost" 1 30
is "all others are answered" $((lost + served)) 40
is "three workers serve" "$(workers | wc -l)" 3

# --- what is refused ----------------------------------------------------------------

reload() {
	kill -HUP "${net_pids[app]}"
	sleep 1
}

before=$(workers)
echo '{{#open}}' >"$net_dir/templates/broken.html"
reload
like "a broken template is told" "$(tail -n 5 "$net_dir/app.log")" \
	'module "test": .*/templates: broken.html:1: \{\{open\}\}: is never closed'
rm "$net_dir/templates/broken.html"
sed -i 's/greeting: "good day"/fail: "1"/' "$net_dir/app.yaml"
reload
like "so is a module that does not start" "$(tail -n 5 "$net_dir/app.log")" \
	'module "test": it does not start: Operation not permitted'
sed -i "s|app_module.so|keys.so|" "$net_dir/app.yaml"
reload
like "or is not there" "$(tail -n 5 "$net_dir/app.log")" 'keys.so: cannot open shared object file'
echo 'int sluice_app;' | cc -shared -fPIC -x c - -o "$net_dir/keys.so"
chmod 644 "$net_dir/keys.so"
reload
like "or was made for something else" "$(tail -n 5 "$net_dir/app.log")" \
	'made for version 0 of sluice/app.h'
printf '#include <stdlib.h>\n__attribute__((constructor)) static void x(void) { abort(); }\n' |
	cc -shared -fPIC -x c - -o "$net_dir/keys.so"
reload
like "or crashes" "$(tail -n 5 "$net_dir/app.log")" 'loading them ended with signal 6'
is "and nothing has changed" "$(workers)" "$before"
app_config
reload
check "a good configuration is taken" answers
is "by new workers" "$([ "$before" != "$(workers)" ] && echo yes)" yes
like "the module was told that it ends" "$(grep event=stopped "$net_dir/app.log")" 'sub=test'
exit "$net_failed"
