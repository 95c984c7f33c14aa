#include "wire/evidence.h"

#include "model/evidence.h"

enum reject evidence_list_validate(const struct evidence_list *l,
                                   struct arena               *a)
{
    for (size_t i = 0; i < l->evidence.n; i++) {
        enum reject r = evidence_validate(&l->evidence.v[i], a);

        if (r)
            return r;
    }
    return ACCEPT;
}
