#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 5700
# All packet tests on each supported kernel, and what its verifier walks.
exec tests/e2e/kernels.sh all
