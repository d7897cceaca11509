/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#ifndef PB_VERSION
#define PB_VERSION "unknown"
#endif

const char cli_version[] = PB_VERSION;
