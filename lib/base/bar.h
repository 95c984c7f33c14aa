/* bar - one line at the bottom of a terminal that is drawn over again.
 *
 * Log lines of all processes of a node erase it (log.h), so it is
 * to be drawn often.  It never waits for a terminal that was stopped. */
#ifndef WARREN_BAR_H
#define WARREN_BAR_H

#include "base/base.h"

#define BAR_ERASE "\r\033[K"

/* bar_is_possible - is stdout a terminal that can do it? */
bool bar_is_possible(void);
/* bar_columns - its width; 80 when it does not say. */
size_t bar_columns(void);
void   bar_draw(struct span text);
void   bar_erase(void);

#endif
