/* SPDX-License-Identifier: MIT
 * The own way of `pushbridge health` to a worker on the same machine: a Unix socket, which the
 * clients of the admin address cannot crowd. Its name is abstract (no file, no folder that must be
 * there and writable, nothing left behind by a kill), and made of admin.listen, so that workers and
 * containers have one each. Such a socket has no rights: both ends look who the other is. */
#ifndef PB_ADMIN_ADMIN_SOCKET_H
#define PB_ADMIN_ADMIN_SOCKET_H

#include <stdbool.h>

/* −1: somebody else has the name, or admin.listen is too long for one. Not blocking. */
int admin_socket_listen(const char *listen);

/* −1: nobody there, or one who is neither our own user nor root (anybody may have taken the name,
 * so root believes no other user either), or no place right now. Not blocking. */
int admin_socket_dial(const char *listen);

/* Is the other end of a connected socket of our own user, or root's? */
bool admin_socket_is_own(int fd);

#endif
