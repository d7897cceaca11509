/* SPDX-License-Identifier: MIT
 * A port that stays free until somebody of this test binds it. It lies below those that the kernel
 * hands out itself, and the name of an abstract socket claims it until this process ends, also
 * against the tests in Python (tests/e2e/harness.py). */
#ifndef TEST_FREE_PORT_H
#define TEST_FREE_PORT_H

int free_port(void); /* aborts when there is none */

#endif
