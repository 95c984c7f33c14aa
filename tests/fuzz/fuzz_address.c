/* Addresses of sockets, as they stand in a configuration.
 *
 * Property: an address with a number for a host prints with the port that it
 * was given. */
#include "fuzz.h"

#include "loop/address.h"

#include <stdio.h>
#include <stdlib.h>

void fuzz_one(struct span in)
{
    struct address          a;
    struct sockaddr_storage sa;
    socklen_t               n;
    char                    text[300], printed[64], port[16];

    if (in.n >= sizeof text || memchr(in.p, 0, in.n))
        return;
    memcpy(text, in.p, in.n);
    text[in.n] = 0;
    if (!address_parse(&a, text) || !address_sockaddr(&a, &sa, &n))
        return;
    address_print(printed, sizeof printed, (const struct sockaddr *)&sa);
    snprintf(port, sizeof port, ":%u", a.port);
    must(a.is_unix ? strcmp(printed, "unix") == 0
                   : strcmp(strrchr(printed, ':'), port) == 0);
}
