#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# Plain HTTP answers only with the way to HTTPS.
source "$(dirname -- "$0")/../lib.sh"

for family in 4 6; do
	succeeds "IPv$family: curl http://$SITE/a?b=c" fetch plain "-$family" "http://$SITE/a?b=c"
	is "IPv$family: the status" "$(report plain http_code)" 301
	is "IPv$family: the place" "$(header plain location)" "https://$SITE/a?b=c"
	is "IPv$family: nothing of the site comes with it" "$(report plain size_download)" 0
done
