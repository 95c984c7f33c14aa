/* The header of a message on the bus.
 *
 * Property: a header that decodes comes back the same from its own bytes. */
#include "fuzz.h"

#include "bus/wire.h"

void fuzz_one(struct span in)
{
    struct bus_header h, again;
    zmq_msg_t         m;

    if (!header_decode(&h, in))
        return;
    header_encode(&m, &h);
    must(zmq_msg_size(&m) <= HEADER_BYTES_MAX);
    must(header_decode(&again, frame_span(&m)));
    must(again.kind == h.kind && again.lane == h.lane && again.id == h.id &&
         again.boot == h.boot && again.deadline_ms == h.deadline_ms &&
         again.status == h.status);
    must(span_eq(again.service, h.service) && span_eq(again.text, h.text));
    zmq_msg_close(&m);
}
