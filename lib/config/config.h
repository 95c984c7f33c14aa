/* config - config.toml, environment and flags of one node.
 *
 * Source:  CometBFT v0.38 config/config.go, toml.go: same keys, order and
 *          defaults, so an existing file loads; [warren] is ours.
 *          config.def holds every knob.
 * Shapes:  one struct per table, one member per key, named as in the file
 *          (dashes become underscores).  Order of precedence:
 *          flag > CMT_TABLE_KEY > file > default.
 * Units:   durations are int64_t nanoseconds.
 * Memory:  strings live as long as the config. */
#ifndef WARREN_CONFIG_H
#define WARREN_CONFIG_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/version.h"

#include "config/knobs.h" /* struct config */

#define CONFIG_VERSION COMETBFT_VERSION /* whose file this is */

/* config_load - home's config/config.toml (missing: defaults), then the
 * environment, then flags.
 *
 * home is --home, CMTHOME, or ~/.warren.  Flags are --key=value or --key
 * value with any key of config.def (--rpc.laddr, --moniker; '-' and '_' are
 * the same), booleans also bare; other words and flags are left in
 * argc/argv.  Every unknown or malformed key, value out of range or rule
 * broken is logged with its place and what is right; then ERR_CONFIG (or
 * ERR_USAGE for flags), and *out is NULL. */
NODISCARD enum err config_load(struct config **out, int argc, char **argv);
/* config_load_from - the same with the values of another file than home's;
 * NULL: home's. */
NODISCARD enum err config_load_from(struct config **out, const char *file,
                                    int argc, char **argv);
void               config_free(struct config *c);

/* config_warn - say which keys are set that have no effect here, and which
 * variables CMT_* are no key but like one. */
void config_warn(const struct config *c);

/* config_end_args - refuses what is left in argv behind the first keep words,
 * naming the nearest flag. */
NODISCARD enum err config_end_args(const struct config *c, int keep);

/* config_default - every knob as in an empty file; home as given. */
struct config *config_default(const char *home);

/* config_set - one knob by its name ("rpc.laddr") from text, as a flag does;
 * false with the reason logged. */
NODISCARD enum err config_set(struct config *c, const char *name,
                              const char *text);

/* config_template - config.toml as CometBFT writes it, with these values. */
void config_template(struct buf *out, const struct config *c);

/* config_path - an absolute path of a file named in the config (a relative
 * one starts at home); in the config's memory. */
const char *config_path(const struct config *c, const char *path);

/* ---- places that several services must agree on ---- */

/* config_run_dir - absolute directory of the node's sockets; "" for none.
 *
 * run_dir under home; where that path is too long for a unix socket (107
 * bytes), a directory of this user's and this home's own under
 * $XDG_RUNTIME_DIR or /tmp. */
const char *config_run_dir(const struct config *c);

/* config_make_run_dir - create it with mode 0700; ERR_DISK when it cannot be
 * or belongs to somebody else. */
NODISCARD enum err config_make_run_dir(const struct config *c);

/* config_app_service - the service that proxy_app names ("ledger",
 * "kvstore"), or NULL for an application of its own. */
const char *config_app_service(const struct config *c);

/* config_app_address - where the application listens: proxy_app, or
 * unix://RUN/app.sock for a built-in one. */
const char *config_app_address(const struct config *c);

/* config_privval_address - where consensus listens for the signer:
 * priv_validator_laddr, or unix://RUN/privval.sock. */
const char *config_privval_address(const struct config *c);

/* ---- knobs as data: for help, documentation, config show and diff ---- */

enum config_kind {
    CONFIG_TEXT,
    CONFIG_SECRET,
    CONFIG_BOOL,
    CONFIG_INT,
    CONFIG_QINT,
    CONFIG_TIME,
    CONFIG_LIST,
};

struct config_knob_info {
    const char      *table, *key; /* table "" for the top */
    enum config_kind kind;
    const char      *preset; /* the default, as a flag would give it */
    int64_t          low, high;
    const char      *choices, *help;
    size_t           offset; /* in struct config */
};

extern const struct config_knob_info config_knobs[CONFIG_KNOBS];

/* config_knob_name - "rpc.laddr", "moniker". */
void config_knob_name(struct buf *out, const struct config_knob_info *k);
/* config_inert - why the key has no effect here, or NULL when it has one. */
const char *config_inert(enum config_knob knob);
/* config_print_value - the value as it stands in the file. */
void config_print_value(struct buf *out, const struct config *c,
                        const struct config_knob_info *k);
/* config_find - the knob of that name ('-' and '_' alike), or NULL. */
const struct config_knob_info *config_find(const char *name);

/* ---- suggestions ---- */

/* config_nearest - of names the one most like what, or NULL when none is. */
const char *config_nearest(const char *what, const char *const *names,
                           size_t n);
/* config_nearest_knob - by full name ("rpc.laddr"); in *out. */
bool config_nearest_knob(struct buf *out, const char *name);

#endif
