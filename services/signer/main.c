/* signer: the validator key in a process of its own; refuses to sign twice.
 * The rules are in lib/privval, files and sockets in shell.c. */
#include "signer/shell.h"

int main(int argc, char **argv)
{
    static struct shell shell;
    struct svc         *svc = svc_start("signer", argc, argv);

    svc_keep_secrets(svc);
    must_ok(shell_open(&shell, svc), "open the key");
    svc_run(svc);
    shell_close(&shell);
    return svc_stop(svc);
}
