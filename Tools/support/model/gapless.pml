/*
 * A model of gapless.v1, checked exhaustively by spin for the bounds of each configuration. See FormalModel.md in the documentation of
 * GaplessServer: what is modelled, what is not, and which code each part stands for. Run Tools/model.
 */
c_decl {
\#include <stdlib.h>
}
#ifndef OFF
#define OFF 0
#endif
#include "rules.inc"
#include "promises.inc"
#include "sights.inc"
#include "world.inc"
#include "store.inc"
#include "node.inc"
#include "client.inc"
#include "publisher.inc"
#include "faults.inc"

init {
    d_step { c_code { if (getenv("OFF")) now.off = (unsigned char)atoi(getenv("OFF")); } ; i = 0 }
    atomic {
        n = 1;
        do
        :: n > CONNECTIONS -> break
        :: else -> run Session(n); n++
        od;
        n = 0;
        run Node(0); run Node(1); run Client(); run Publisher(); run Faults(); run Checker()
    }
}
