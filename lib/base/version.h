/* version - what this software calls itself.
 *
 * Clients choose their dialect by the first numbers of the node version, so
 * it starts with that of the CometBFT whose protocols are spoken. */
#ifndef WARREN_VERSION_H
#define WARREN_VERSION_H

#define WARREN_VERSION      "0.1.0"
#define COMETBFT_SEMVER     "0.38.25"
#define WARREN_NODE_VERSION COMETBFT_SEMVER "+warren." WARREN_VERSION

#define ABCI_SEMVER            "2.0.0"
#define BLOCK_PROTOCOL_VERSION 11
#define P2P_PROTOCOL_VERSION   8

#endif
