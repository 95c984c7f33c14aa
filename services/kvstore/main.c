/* kvstore: a small application, equal to CometBFT's example of that name.
 * Rules are in kvstore.c, I/O in shell.c; this file only wires them. */
#include "crypto/key.h"
#include "kvstore/shell.h"

int main(int argc, char **argv)
{
    static struct shell shell;
    struct svc         *svc = svc_start("kvstore", argc, argv);

    crypto_setup();
    must_ok(shell_open(&shell, svc), "open the kvstore");
    svc_run(svc);
    shell_close(&shell);
    return svc_stop(svc);
}
