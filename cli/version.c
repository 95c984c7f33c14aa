/* warren version */
#include "cli.h"

#include "base/version.h"

enum err cmd_version(struct cli *c)
{
    enum err code = cli_words(c, 0, 0);

    if (code != OK)
        return code;
    if (!c->is_json && !cli_switch(c, "verbose", false)) {
        printf("%s\n", WARREN_NODE_VERSION);
        return OK;
    }
    out_begin(c);
    out_str(c, "version", WARREN_NODE_VERSION);
    out_str(c, "warren", WARREN_VERSION);
    out_str(c, "cometbft", COMETBFT_VERSION);
    out_str(c, "abci", ABCI_SEMVER);
    out_int(c, "block_protocol", BLOCK_PROTOCOL_VERSION);
    out_int(c, "p2p_protocol", P2P_PROTOCOL_VERSION);
    return out_end(c);
}
