/* config's parts: config.c decides the order of sources, knob.c reads and
 * prints one value, file.c walks config.toml, rules.c checks what more than
 * one knob must agree on, places.c derives paths and addresses. */
#ifndef WARREN_CONFIG_INTERNAL_H
#define WARREN_CONFIG_INTERNAL_H

#include "config/config.h"

/* config_warn_variables - say which variables CMT_* are like a key, but none.
 */
void config_warn_variables(void);

/* config_where - "FILE:12: " or "--moniker: " or "CMT_MONIKER: ". */
void config_where(struct buf *out, const struct config *c,
                  const struct config_origin *from);

/* config_fail - log what is wrong at a knob's origin; the code. */
NODISCARD enum err config_fail(const struct config        *c,
                               const struct config_origin *from, enum err code,
                               const char *fmt, ...) PRINTF_LIKE(4, 5);

/* config_set_knob - from text; checks form, range and choices. */
NODISCARD enum err config_set_knob(struct config                 *c,
                                   const struct config_knob_info *k,
                                   const char                    *text,
                                   const struct config_origin    *from);
/* config_set_list - from n texts. */
void config_set_list(struct config *c, const struct config_knob_info *k,
                     const char *const *v, size_t n,
                     const struct config_origin *from);

NODISCARD enum err config_read_file(struct config *c);
NODISCARD enum err config_check_rules(const struct config *c);

/* config_text - a copy in the config's memory. */
const char *config_text(struct config *c, const char *s);

#endif
