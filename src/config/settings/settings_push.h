/* SPDX-License-Identifier: MIT
 * Provider parameters and parts of a notice in the configuration file, as JSON. */
#ifndef PB_CONFIG_SETTINGS_SETTINGS_PUSH_H
#define PB_CONFIG_SETTINGS_SETTINGS_PUSH_H

#include "config/settings/settings_reader.h"

/* The group `push`: every member a parameter of Push that a job's push could set too, with a value
 * that the table allows. arguments: texts may hold a template's arguments, and are then checked
 * where a job is rendered. *out becomes a new object. */
bool settings_push_read(const struct settings_reader *r, const config_setting_t *c, bool arguments,
                        json_t **out);

/* A member of a template that is a part of a notice (aliyun/parts.h) goes into *out, which is made
 * when needed. *found: it is one. Only its form is checked. */
bool settings_part_read(const struct settings_reader *r, const config_setting_t *c, json_t **out,
                        bool *found);

#endif
