/* The application protocol: a stream of frames, as either side reads it.
 *
 * Properties: a frame is taken whole or not at all and never reaches past
 * its input; what decodes as a request or response encodes to itself. */
#include "fuzz.h"

#include "abci/types.h"

enum { FRAME_MAX = 1 << 16 };

void fuzz_one(struct span in)
{
    while (in.n > 0) {
        struct span          rest = in, body;
        struct abci_request  req;
        struct abci_response res;
        enum reject          r = pb_delimited_read(&rest, FRAME_MAX, &body);

        if (r) {
            must(rest.p == in.p && rest.n == in.n);
            return;
        }
        must(body.n <= FRAME_MAX && body.p + body.n == rest.p);
        must(rest.p > in.p && rest.p + rest.n == in.p + in.n);
        (void)fuzz_decode(&abci_request_desc, &req, body);
        (void)fuzz_decode(&abci_response_desc, &res, body);
        in = rest;
    }
}
