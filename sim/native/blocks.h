// Which kind of block a run's replicas go into.
#pragma once

#include "avx512.h"
#include "plain.h"

// `make(kind)` with a value of type Kind<Block>: the block that suits a run whose replicas share lanes. `wide`: whether
// registers are to hold 64 replicas of one site rather than 32 of two.
template <class Block>
struct Kind {
    using type = Block;
};

template <class Make>
auto with_block(const Run& run, bool wide, const Make& make) {
#ifdef THERMOFAB_AVX512
    if (Avx512Block<64, true>::fits(run))
        return wide ? make(Kind<Avx512Block<64, true>>()) : make(Kind<Avx512Block<32, true>>());
    if (Avx512Block<64, false>::fits(run))
        return wide ? make(Kind<Avx512Block<64, false>>()) : make(Kind<Avx512Block<32, false>>());
#endif
    return make(Kind<PlainBlock>());
}
