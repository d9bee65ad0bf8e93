// Which layout a run's ladders get.
#pragma once

#include "ladder.h"
#include "mixed.h"

// Registers of 64 lanes that a sweep of all rungs fills, where each rung has registers of its own.
inline int64_t registers_by_rung(const LadderSpec& spec) {
    const int64_t replicas = spec.runs[0].replicas;
    return replicas > 32 ? spec.rungs * ((replicas + 63) / 64) : (spec.rungs + 1) / 2;
}

inline Ladders* open_ladders(const LadderSpec& spec) {
    try {
#ifdef THERMOFAB_AVX512
        // Thresholds of a lane's own take a third longer.
        if (MixedLadders::fits(spec) && 4 * MixedLadders::registers(spec) < 3 * registers_by_rung(spec))
            return new MixedLadders(spec);
#endif
        return with_block(spec.runs[0], spec.runs[0].replicas > 32, [&](auto kind) -> Ladders* {
            return new BlockLadders<typename decltype(kind)::type>(spec);
        });
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}
