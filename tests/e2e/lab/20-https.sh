#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# The site answers over HTTPS by its name, with a chain that the user can verify.
source "$(dirname -- "$0")/../lib.sh"

for family in 4 6; do
	vip=$VIP4
	[[ $family == 4 ]] || vip=$VIP6
	succeeds "IPv$family: curl https://$SITE/" fetch get "-$family" "https://$SITE/"
	is "IPv$family: the answer" "$(report get http_code)" 200
	is "IPv$family: it came from the VIP" "$(report get remote_ip)" "$vip"
	is "IPv$family: the chain verifies" "$(report get ssl_verify_result)" 0
	like "IPv$family: the application's page came" "$(cat "$scratch/get.body")" "It works"
done

refused=$(on user curl -sS --max-time 5 --cacert /etc/ssl/certs/ca-certificates.crt "https://$SITE/" 2>&1)
like "who does not know the lab's authority refuses the certificate" "$refused" "SSL certificate problem"
refused=$(on user curl -sS --max-time 5 --cacert "$PKI/ca.pem" --resolve "other.test:443:$VIP4" https://other.test/ 2>&1)
like "the certificate is for no other name" "$refused" "no alternative certificate subject name matches"
