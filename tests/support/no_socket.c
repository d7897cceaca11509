/* SPDX-License-Identifier: MIT
 * Linked into every unit test, where it stands before libc's: a unit test opens no socket. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

int socket(int domain, int type, int protocol)
{
    fprintf(stderr,
            "socket(%d, %d, %d): a unit test opens none; tests/component is for those that do\n",
            domain, type, protocol);
    abort();
}
