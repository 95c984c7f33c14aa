/* config - config.toml, environment and flags of one node.
 *
 * Source:  CometBFT v0.38 config/config.go, toml.go: same keys, defaults and
 *          comments, so an existing file loads; [warren] is ours.
 * Shapes:  one struct per table, one member per key, named as in the file;
 *          durations are int64_t nanoseconds, lists are strings as written.
 *          Order: flag > CMT_SECTION_KEY > file > default.
 * Memory:  strings live as long as the config. */
#ifndef WARREN_CONFIG_H
#define WARREN_CONFIG_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct config;

#include "config/knobs.h" /* struct config, made from config.def */

/* config_load - home's config/config.toml (missing: defaults), then the
 * environment, then flags.  Every unknown or malformed key is refused with
 * file and line and the nearest known key. */
NODISCARD enum err config_load(struct config **out, int argc, char **argv);
void               config_free(struct config *c);
/* config_template - config.toml as CometBFT writes it, with these values. */
void config_template(struct buf *out, const struct config *c);
/* config_path - an absolute path of a file named in the config (a relative
 * one starts at home); in the config's memory. */
const char *config_path(const struct config *c, const char *path);

#endif
