#!/bin/bash
# SPDX-License-Identifier: MIT
# What `make test` proves, in the order that fails soonest; warnings are errors. scripts/test-all.sh has the rest.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/steps.bash

step "build, layers: nothing includes or calls upward; every module has a test"
make -s layers covered
quietly make "$jobs" WERROR=1 all
step "unit and component tests; beside them the version before this one, which the end-to-end tests run too"
beside previous make -s previous
quietly make "$jobs" WERROR=1 unit component RUN_UNIT=:
make -s unit
make -s component
step "schemas: refused by both or accepted by both"
quietly make "$jobs" WERROR=1 schema-build
make -s schema-test
join previous
step "command line, end to end on a real Redis and the provider's stand-in, beside each other"
beside cli make -s cli-test
make -s e2e
join cli
all_passed
