#include "consensus/inputs.h"

#include <stdlib.h>

static struct input *new_input(enum input_kind kind, struct span bytes)
{
    struct input *in = calloc(1, sizeof *in + bytes.n);

    must(in);
    in->kind = kind;
    if (bytes.n > 0) {
        memcpy(in + 1, bytes.p, bytes.n);
        in->bytes = SPAN(in + 1, bytes.n);
    }
    return in;
}

static void append(struct input_list *l, struct input *in)
{
    if (l->last)
        l->last->next = in;
    else
        l->first = in;
    l->last = in;
}

static void append_other(struct inputs *q, struct input *in)
{
    append(&q->others, in);
    q->count++;
    q->bytes += in->bytes.n;
}

void inputs_own(struct inputs *q, struct span message)
{
    struct input *in = new_input(INPUT_MESSAGE, message);

    in->is_own = true;
    append(&q->own, in);
}

bool inputs_peer(struct inputs *q, const struct peer_id *peer,
                 struct span message)
{
    struct input *in;

    if (q->count >= INPUTS_MAX || q->bytes + message.n > INPUT_BYTES_MAX)
        return false;
    in       = new_input(INPUT_MESSAGE, message);
    in->peer = *peer;
    append_other(q, in);
    return true;
}

/* Few can wait: each stands for a timer that was set. */
void inputs_timeout(struct inputs *q, const struct timeout *t)
{
    struct input *in = new_input(INPUT_TIMEOUT, (struct span){ 0 });

    in->timeout = *t;
    append_other(q, in);
}

void inputs_txs(struct inputs *q)
{
    if (!q->has_txs)
        append_other(q, new_input(INPUT_TXS, (struct span){ 0 }));
    q->has_txs = true;
}

void inputs_key(struct inputs *q)
{
    if (!q->has_key)
        append_other(q, new_input(INPUT_KEY, (struct span){ 0 }));
    q->has_key = true;
}

static struct input *take(struct input_list *l)
{
    struct input *in = l->first;

    if (!in)
        return NULL;
    l->first = in->next;
    if (!l->first)
        l->last = NULL;
    in->next = NULL;
    return in;
}

struct input *inputs_take(struct inputs *q)
{
    struct input *in = take(&q->own);

    if (in)
        return in;
    in = take(&q->others);
    if (!in)
        return NULL;
    q->count--;
    q->bytes -= in->bytes.n;
    if (in->kind == INPUT_TXS)
        q->has_txs = false;
    if (in->kind == INPUT_KEY)
        q->has_key = false;
    return in;
}

void inputs_forget_peers(struct inputs *q)
{
    struct input_list all = q->others;
    struct input     *in;

    q->others = (struct input_list){ 0 };
    q->count = q->bytes = 0;
    while ((in = take(&all))) {
        if (in->kind == INPUT_MESSAGE)
            input_free(in);
        else
            append_other(q, in);
    }
}

void input_free(struct input *in)
{
    free(in);
}

void inputs_clear(struct inputs *q)
{
    struct input *in;

    while ((in = inputs_take(q)))
        input_free(in);
}
