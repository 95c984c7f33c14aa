/* notify - what a service manager is told: systemd's protocol by hand.
 *
 * Source:  sd_notify(3), sd_watchdog_enabled(3): assignments with newlines
 *          between them, in one datagram to the socket that $NOTIFY_SOCKET
 *          names (a path, or @ and an abstract name). */
#ifndef WARREN_SVC_NOTIFY_H
#define WARREN_SVC_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* notify_send - state is e.g. "READY=1\nSTATUS=ready".
 *
 * False when there is no manager to tell, or it cannot hear: nothing depends
 * on it.  Never blocks. */
bool notify_send(const char *state);

/* notify_watchdog_us - the longest silence before the manager ends this
 * process, 0 when it does not watch it. */
uint64_t notify_watchdog_us(void);

#endif
