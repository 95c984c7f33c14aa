/* Scenes that many tests begin with. */
#include "rig.h"

struct rig *rig_four(const struct rig_options *o)
{
    struct rig *r = rig_new(4, 1, o);

    rig_start(r);
    return r;
}

/* Node 0 has proposed A and prevoted it. */
struct rig *rig_proposed(const struct rig_options *o)
{
    struct rig *r = rig_four(o);

    rig_fire(r, 0);
    CHECK_SAID(r, 0,
               "    0 h1 r0 timer propose 3000ms\n"
               "    0 h1 r0 propose A\n"
               "    0 h1 r0 prevote A\n");
    return r;
}

/* Node 0 is locked on A in round 0, and has precommitted it. */
struct rig *rig_locked(void)
{
    struct rig *r = rig_proposed(NULL);

    rig_votes(r, 0, 1, 2, TYPE_PREVOTE, 0, 'A');
    CHECK_SAID(r, 0,
               "    0 h1 r0 lock A\n"
               "    0 h1 r0 precommit A\n");
    return r;
}
