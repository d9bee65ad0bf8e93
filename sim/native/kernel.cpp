// The C interface: chains are opened, worked, looked at and closed; blocks of replicas are spread over threads.
#include "chains.h"
#include "ladders.h"

#define EXPORTED extern "C" __attribute__((visibility("default")))

EXPORTED void thermofab_hash(const uint64_t* roots, const int64_t* numbers, int64_t replicas, int64_t sites,
                             uint64_t* keys, uint8_t* init) {
    hash_sites(roots, numbers, replicas, sites, keys, init);
}

// Null where there is not the memory. The arrays of `run` must outlive the chains.
EXPORTED Chains* thermofab_open(const Run* run, int64_t threads) { return open_chains(*run, threads); }

// Whether it had the memory. Once *stop is set the work ends early, and the chains mean nothing.
EXPORTED int thermofab_work(Chains* chains, const Work* work, int64_t threads, const volatile int32_t* stop) {
    return chains->work(*work, threads, stop);
}

// States of all replicas, uint8 [replicas, sites].
EXPORTED int thermofab_load(Chains* chains, const uint8_t* states, int64_t threads) {
    return chains->load(states, threads);
}

EXPORTED void thermofab_close(Chains* chains) { delete chains; }

// Ladders of replicas that exchange states. Null where there is not the memory; the arrays of `spec` must outlive them.
EXPORTED Ladders* thermofab_ladders_open(const LadderSpec* spec) { return open_ladders(*spec); }

// As thermofab_work.
EXPORTED int thermofab_ladders_work(Ladders* ladders, const LadderWork* work, int64_t threads,
                                    const volatile int32_t* stop) {
    return ladders->work(*work, threads, stop);
}

EXPORTED void thermofab_ladders_close(Ladders* ladders) { delete ladders; }
