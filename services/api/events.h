/* events - what happens on the chain, told to those who subscribed.
 *
 * Source:  CometBFT v0.38 types/events.go, state/execution.go (which events a
 *          block has, in which order), rpc/core/events.go.
 *
 * While somebody subscribes, each new block is read from the store once, in
 * the order of heights, with what the application said of it; a hint of a
 * height may be lost, and a timer asks for what was missed.  So a subscription
 * gets every event of the heights after the one that was current when it was
 * asked for, once each.
 *
 * Memory:  one block at a time; its events' texts live until they are sent. */
#ifndef WARREN_EVENTS_H
#define WARREN_EVENTS_H

#include "api/jsonrpc.h"
#include "loop/ws.h"
#include "query/query.h"
#include "json/write.h"

struct shell;
struct socket;
struct events;

struct subscription {
    struct events       *events;
    struct subscription *next, **at; /* of all that are live */
    struct subscription *sibling;    /* of the same socket */
    struct socket       *socket;
    struct query         query;
    struct span          printed; /* the query, in its one form */
    struct span          head;    /* what its messages begin with */
    struct rpc_id        id;
    struct span          event;   /* of "tm.event='...'", if asked for */
    int64_t              after;   /* heights up to here are not for it */
    size_t               waiting; /* messages in its socket's queue */
    bool                 is_over;
    void                *memory;
};

struct events *events_new(struct shell *s);
void           events_free(struct events *e);

/* subscription_new - text is a query that parses. */
struct subscription *subscription_new(const struct rpc_id *id,
                                      struct span          text);
void                 subscription_free(struct subscription *sub);

/* events_add - from the height after the current one on. */
void events_add(struct events *e, struct subscription *sub, int64_t current);
void events_remove(struct subscription *sub);

/* An event: what it is known by, and how its data prints. */
struct event_data {
    const char              *name;  /* its tm.event */
    const char              *type;  /* of its data, as in "type" */
    const struct query_fact *facts; /* in order of tags, tm.event among them */
    size_t                   n;
    void (*print)(struct json_writer *w, const void *value);
    const void *value;
    int64_t     height;
};
void events_publish(struct events *e, const struct event_data *d);

#endif
