/* ABCI messages against CometBFT's own frames, both ways. */
#include "test.h"

#include "abci/types.h"
#include "base/limits.h"
#include "pbjson.h"

static void check_frame(const json_t *c, const struct pb_desc *d, void *msg)
{
    const char *name  = vec_str(c, "name");
    json_t     *value = json_object_get(c, "value");
    struct span frame = vec_hex(c, "frame", &test_arena), in = frame, body;
    json_t     *got;

    CHECK_EQ(pb_delimited_read(&in, ABCI_MSG_BYTES_MAX, &body), ACCEPT,
             "%s: length", name);
    CHECK_EQ(in.n, 0, "%s: nothing behind it", name);
    if (!CHECK_EQ(pb_decode(d, msg, &test_arena, body), ACCEPT, "%s: decode",
                  name))
        return;
    got = pb_to_json(d, msg);
    CHECK(json_equal(got, value), "%s: value", name);
    json_decref(got);
    CHECK_BYTES(pb_encode_delimited(d, msg, &test_arena), frame,
                "%s: encoded again", name);

    if (CHECK(pb_from_json(d, msg, value, &test_arena), "%s: members", name))
        CHECK_BYTES(pb_encode_delimited(d, msg, &test_arena), frame,
                    "%s: encoded from its value", name);
}

TEST(frames_equal_cometbfts)
{
    json_t *all = vectors_open("abci_frames"), *c;
    size_t  i, requests = 0, responses = 0;

    json_array_foreach(all, i, c)
    {
        struct abci_request  req;
        struct abci_response res;

        if (strcmp(vec_str(c, "kind"), "request") == 0) {
            check_frame(c, &abci_request_desc, &req);
            requests++;
        } else {
            check_frame(c, &abci_response_desc, &res);
            responses++;
        }
    }
    CHECK_EQ(requests, 23, "requests");
    CHECK_EQ(responses, 34, "responses");
    json_decref(all);
}
