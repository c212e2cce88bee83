/* SPDX-License-Identifier: MIT */
#ifndef BATON_APPS_PATH_H
#define BATON_APPS_PATH_H

/* What a path names, whatever its spelling. */

#include <stdbool.h>

/* What is behind its last slash. */
const char *path_name(const char *path);
/* Do two paths name one file, or will they when it is made? By links, too. */
bool path_same_file(const char *a, const char *b);
/* The same of the folders that their last names are in. */
bool path_same_folder(const char *a, const char *b);

#endif
