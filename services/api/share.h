/* share - calls that ask a service the same at once share one question.
 *
 * A call never gets an answer that was asked for before it came: those that
 * find the same question under way wait for its answer, and then ask together.
 * So under load a service hears each question once for all clients. */
#ifndef WARREN_SHARE_H
#define WARREN_SHARE_H

#include "bus/bus.h"

struct call;
struct shares;

NODISCARD struct shares *shares_new(void);
void                     shares_free(struct shares *s);

/* share_ask - fn is called once for the call, with it as ctx, as by
 * bus_request.  The request is copied. */
void share_ask(struct shares *s, struct bus_client *to, struct span request,
               bus_reply_fn *fn, struct call *c);

#endif
