/* query - conditions on events: "tm.event='Tx' AND tx.height > 5".
 *
 * Source:  CometBFT v0.38 libs/pubsub/query (grammar, verdicts and texts).
 * Shapes:  conditions joined by AND; a tag is TYPE.KEY of an attribute, or a
 *          TYPE alone.  Numbers are decimals of any length and are compared
 *          exactly; of a value its leading digits count ("10atom" is 10).
 * Memory:  a parsed query lives in the arena and borrows nothing. */
#ifndef WARREN_QUERY_H
#define WARREN_QUERY_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/stamp.h"

enum query_op {
    QUERY_CONTAINS,
    QUERY_EXISTS,
    QUERY_EQ,
    QUERY_LT,
    QUERY_LE,
    QUERY_GT,
    QUERY_GE,
};

enum query_arg {
    QUERY_NO_ARG, /* of QUERY_EXISTS */
    QUERY_STRING,
    QUERY_NUMBER,
    QUERY_TIME,
    QUERY_DATE,
};

struct query_condition {
    struct span    tag;
    enum query_op  op;
    enum query_arg arg;
    struct span    text;  /* the argument as written, without quotes */
    struct stamp   stamp; /* of a time or a date */
};

struct query {
    struct query_condition *v;
    size_t                  n; /* at least 1 */
};

/* query_parse - false: error holds what CometBFT says of such a text. */
NODISCARD bool query_parse(struct query *out, struct span text, struct arena *a,
                           struct buf *error);
/* query_print - with single blanks: equal texts are the same query. */
void query_print(struct buf *out, const struct query *q);

/* query_holds - one condition against one value. */
bool query_holds(const struct query_condition *c, struct span value);

/* What is known of one event: all its attributes, as TYPE.KEY and value. */
struct query_fact {
    struct span tag, value;
};
/* query_matches - does some fact meet each condition?  They may be different
 * ones.  A condition on a type alone sees an empty value. */
bool query_matches(const struct query *q, const struct query_fact *v, size_t n);

#endif
