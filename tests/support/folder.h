/* SPDX-License-Identifier: MIT
 * Temporary folders of tests. */
#ifndef TEST_FOLDER_H
#define TEST_FOLDER_H

void folder_remove(const char *path); /* with all that is in it */

#endif
