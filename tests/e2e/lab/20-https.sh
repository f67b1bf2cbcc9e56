#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# The site answers over HTTPS by its name, with a chain that the user can verify.
source "$(dirname -- "$0")/../lib.sh"

for family in 4 6; do
	succeeds "IPv$family: curl https://$SITE/" fetch get "-$family" "https://$SITE/"
	is "IPv$family: the answer" "$(report get http_code)" 200
	is "IPv$family: it came from the VIP" "$(report get remote_ip)" "$(vip $family)"
	is "IPv$family: the chain verifies" "$(report get ssl_verify_result)" 0
	like "IPv$family: the shop's page came" "$(cat "$scratch/get.body")" "Good tools"
done

fetch stranger --cacert /etc/ssl/certs/ca-certificates.crt "https://$SITE/"
like "who does not know the lab's authority refuses the certificate" \
	"$(cat "$scratch/stranger.error")" "SSL certificate problem"
fetch other --resolve "other.test:443:$VIP4" https://other.test/
like "the certificate is for no other name" \
	"$(cat "$scratch/other.error")" "no alternative certificate subject name matches"
