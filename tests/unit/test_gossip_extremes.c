/* What a peer says of itself, taken at its word but kept in bounds. */
#include "test.h"

#include "consensus/gossip.h"

TEST(heights_and_rounds_at_their_ends)
{
    static const int64_t heights[] = { INT64_MIN, -1, 0, 1, INT64_MAX };
    static const int32_t rounds[]  = { INT32_MIN, -1, 0, INT32_MAX };
    static const int32_t indices[] = { INT32_MIN, -1, 0, 3, 63, 64, INT32_MAX };
    struct peer_id       id        = { { 1 } };
    struct peer_view     p;

    for (size_t at = 2; at < COUNT(heights); at++)
        for (size_t h = 0; h < COUNT(heights); h++)
            for (size_t r = 0; r < COUNT(rounds); r++)
                for (size_t i = 0; i < COUNT(indices); i++) {
                    peer_view_init(&p, &id);
                    p.height            = heights[at];
                    p.last_commit_round = 0;
                    peer_view_ensure(&p, heights[h], 4);
                    peer_view_has_vote(&p, heights[h], rounds[r],
                                       TYPE_PRECOMMIT, indices[i]);
                    CHECK(p.height == heights[at]);
                    CHECK((p.last_commit.n > 0) ==
                          (heights[h] == heights[at] - 1));
                }
}
