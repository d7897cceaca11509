/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#ifndef PB_VERSION
#define PB_VERSION "unknown"
#endif
#ifndef PB_COMMIT
#define PB_COMMIT "unknown"
#endif

const char cli_version[] = PB_VERSION;
const char cli_commit[] = PB_COMMIT;
